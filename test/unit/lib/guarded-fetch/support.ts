// A guarded fetch over a web in memory: what it was asked to reach, and what is there.

import { type FetchRules, readFetchRules } from "../../../../src/lib/guarded-fetch/fetch-rules.ts";
import { createGuardedFetch, type GuardedFetch, tryFetch } from "../../../../src/lib/guarded-fetch/guarded-fetch.ts";
import type { Resolve } from "../../../../src/lib/guarded-fetch/check-address.ts";

export interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

export interface Web {
  readonly guarded: GuardedFetch;
  /** What left the guard, in order. */
  readonly sent: readonly Sent[];
}

export type Page = (sent: Sent) => Response | Promise<Response>;

export interface WebOptions {
  /** By URL; anything else is an empty 200. */
  readonly pages?: Readonly<Record<string, Page>>;
  /** Null: nobody can be asked. */
  readonly resolve?: Resolve | null;
  readonly rules?: Readonly<Record<string, string>>;
}

export function createWeb({ pages = {}, resolve = null, rules = {} }: WebOptions = {}): Web {
  const sent: Sent[] = [];
  const guarded = createGuardedFetch({
    rules: rulesOf(rules),
    resolve,
    fetch: async (url, init) => {
      const one = { url, init };
      sent.push(one);
      return (await pages[url]?.(one)) ?? new Response("");
    },
  });
  return { guarded, sent };
}

function rulesOf(variables: Readonly<Record<string, string>>): FetchRules {
  return readFetchRules(variables);
}

export function redirectTo(location: string, status = 302): Page {
  return () => new Response("moved", { status, headers: { location } });
}

/** The code of the fault, or the status of the reply. */
export async function outcome({ guarded }: Web, url: string, init?: RequestInit): Promise<string | number> {
  const reply = await tryFetch(guarded, url, init);
  return reply.ok ? reply.value.status : reply.error.code;
}
