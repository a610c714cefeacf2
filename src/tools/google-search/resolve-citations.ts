// The pages behind the service's redirect addresses: one request each for the redirect's target, which is not fetched
// itself. At most six wait at once, the platform's limit; an address that does not resolve keeps its redirect.

import { type GuardedFetch, tryFetch } from "../../lib/guarded-fetch/guarded-fetch.ts";

const width = 6;
/** A redirect is one line; without it the citation still has its title. */
const timeoutMs = 5_000;

export interface Resolved {
  readonly url: string;
  /** False: `url` is still the service's redirect. */
  readonly isResolved: boolean;
}

export async function resolveCitations(
  fetch: GuardedFetch,
  urls: readonly string[],
  signal: AbortSignal,
): Promise<Resolved[]> {
  const resolved: Resolved[] = [];
  for (let from = 0; from < urls.length; from += width) {
    resolved.push(...(await Promise.all(urls.slice(from, from + width).map((url) => resolveOne(fetch, url, signal)))));
  }
  return resolved;
}

async function resolveOne(fetch: GuardedFetch, url: string, caller: AbortSignal): Promise<Resolved> {
  const signal = AbortSignal.any([caller, AbortSignal.timeout(timeoutMs)]);
  const answered = await tryFetch(fetch, url, { redirect: "manual", signal });
  if (!answered.ok) {
    return { url, isResolved: false };
  }
  await answered.value.body?.cancel();
  const location = answered.value.headers.get("location");
  const target = location === null ? null : URL.parse(location, url);
  return target !== null && /^https?:$/.test(target.protocol)
    ? { url: target.href, isResolved: true }
    : { url, isResolved: false };
}
