// The guarded fetch of a deployment, from its variables. FETCH_DNS_URL names the server that is asked for a name's
// addresses; without it names are judged by their form alone, which is enough on a laptop and not in production.

import type { Result } from "../result.ts";
import { createTtlCache } from "../ttl-cache.ts";
import { checkAddress } from "./check-address.ts";
import { createDnsResolver } from "./dns-over-https.ts";
import type { FetchFault } from "./fetch-fault.ts";
import { readFetchRules } from "./fetch-rules.ts";
import { createGuardedFetch, type GuardedFetch, type GuardOptions } from "./guarded-fetch.ts";

export interface DeploymentGuardDeps {
  readonly fetch: GuardOptions["fetch"];
  readonly now: () => number;
}

/** A page and what it links to are read within seconds; an answer that is older may no longer be the connection's. */
const dnsCacheMs = 5_000;
const maxCachedNames = 1_000;

export interface DeploymentGuard {
  readonly fetch: GuardedFetch;
  /** Whether `fetch` would send a first request there, as things are now. Sends nothing but questions about the name. */
  check(url: string): Promise<Result<URL, FetchFault>>;
}

export function createDeploymentGuard(
  variables: Readonly<Record<string, string | undefined>>,
  { fetch, now }: DeploymentGuardDeps,
): DeploymentGuard {
  const url = variables["FETCH_DNS_URL"]?.trim() ?? "";
  const cache = createTtlCache<readonly string[]>({ now, ttlMs: dnsCacheMs, maxEntries: maxCachedNames });
  const resolve = url === "" ? null : createDnsResolver({ url, fetch, cache });
  const rules = readFetchRules(variables);
  return {
    fetch: createGuardedFetch({ rules, fetch, resolve }),
    check: (text) => checkAddress(text, { rules, resolve, hop: "first", signal: null }),
  };
}
