// The fetch for every URL that somebody else chose: a tenant's policy, webhook or MCP server, a page that a model
// wants to read. It follows redirects itself and looks at each address before it connects. It reads no body, sends
// no header to an origin that was not meant, and sets no time limit of its own: `init.signal` is the caller's.

import { err, ok, type Result } from "../result.ts";
import { checkAddress, type Resolve } from "./check-address.ts";
import { FetchError, type FetchFault, stopFault } from "./fetch-fault.ts";
import type { FetchRules } from "./fetch-rules.ts";
import { isRedirect, nextRequest, type Outgoing } from "./redirect.ts";

export interface GuardedInit extends RequestInit {
  /** 5 unless set. */
  readonly maxRedirects?: number;
  /** Told the address of each redirect that is followed. */
  readonly onRedirect?: (url: string) => void;
}

/**
 * A drop-in for `fetch`: streams bodies, honours `signal` and `redirect` (`follow` unless set; `manual` gives the 3xx
 * reply, `error` refuses it). Throws FetchError alone.
 */
export type GuardedFetch = (url: string | URL, init?: GuardedInit) => Promise<Response>;

export interface GuardOptions {
  readonly rules: FetchRules;
  /** The real one. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Addresses of a name; null where nobody can be asked, and names are judged by rule alone. */
  readonly resolve: Resolve | null;
}

const defaultMaxRedirects = 5;

export function createGuardedFetch(options: GuardOptions): GuardedFetch {
  return async (url, init = {}) => {
    const { maxRedirects = defaultMaxRedirects, onRedirect = () => undefined, redirect = "follow", ...rest } = init;
    let request: Outgoing = { url: String(url), init: rest };
    for (let hop = 0; ; hop += 1) {
      const response = await send(options, request, hop);
      if (redirect === "manual" || !isRedirect(response)) {
        return response;
      }
      await response.body?.cancel();
      if (redirect === "error" || hop >= maxRedirects) {
        const detail = `${hostOf(request.url)} redirects, more than ${redirect === "error" ? 0 : maxRedirects} times`;
        throw new FetchError({ code: "too_many_redirects", detail });
      }
      request = valueOf(nextRequest(request, response));
      onRedirect(request.url);
    }
  };
}

async function send(options: GuardOptions, { url, init }: Outgoing, hop: number): Promise<Response> {
  const signal = init.signal ?? null;
  refuseAborted(signal);
  const { rules, resolve } = options;
  const found = await checkAddress(url, { rules, resolve, hop: hop === 0 ? "first" : "redirect", signal });
  refuseAborted(signal);
  const checked = valueOf(found);
  try {
    return await options.fetch(checked.href, { ...init, redirect: "manual" });
  } catch (cause) {
    refuseAborted(signal);
    throw new FetchError({ code: "connection_failed", detail: `${checked.host} could not be reached` }, cause);
  }
}

function refuseAborted(signal: AbortSignal | null): void {
  if (signal?.aborted === true) {
    throw new FetchError(stopFault(signal));
  }
}

function valueOf<T>(result: Result<T, FetchFault>): T {
  if (!result.ok) {
    throw new FetchError(result.error);
  }
  return result.value;
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "the address";
}

/** As `guarded(...)`, with the fault as a value. */
export async function tryFetch(
  guarded: GuardedFetch,
  url: string | URL,
  init?: GuardedInit,
): Promise<Result<Response, FetchFault>> {
  try {
    return ok(await guarded(url, init));
  } catch (error) {
    if (error instanceof FetchError) {
      return err({ code: error.code, detail: error.message });
    }
    throw error;
  }
}
