// What a redirect turns a request into. Another origin gets none of the request's own headers but the harmless ones,
// and never its body: the caller meant both for the address that it named.

import { err, ok, type Result } from "../result.ts";
import type { FetchFault } from "./fetch-fault.ts";

export interface Outgoing {
  readonly url: string;
  readonly init: RequestInit;
}

/** A list of what may travel, not of what must not: keys come under many names (Authorization, X-Subscription-Token). */
export const harmlessHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "user-agent",
  "content-type",
]);

export function isRedirect({ status, headers }: Response): boolean {
  return [301, 302, 303, 307, 308].includes(status) && headers.has("location");
}

export function nextRequest({ url, init }: Outgoing, response: Response): Result<Outgoing, FetchFault> {
  const location = URL.parse(response.headers.get("location") ?? "", url);
  if (location === null) {
    return err({ code: "bad_url", detail: "the redirect leads to no URL" });
  }
  location.hash = "";
  const isSameOrigin = location.origin === new URL(url).origin;
  const method = (init.method ?? "GET").toUpperCase();
  const next = becomesGet(response.status, method) ? withoutBody(init) : init;
  if (next.body !== undefined && next.body !== null) {
    if (!isSameOrigin) {
      return err({ code: "address_refused", detail: "the redirect would take the request's body to another origin" });
    }
    if (next.body instanceof ReadableStream) {
      return err({ code: "connection_failed", detail: "a redirect needs the body again, and a stream is gone" });
    }
  }
  const headers = isSameOrigin ? next.headers : onlyHarmless(next.headers);
  return ok({ url: location.href, init: headers === undefined ? next : { ...next, headers } });
}

/** As browsers do (Fetch standard, HTTP-redirect fetch, step 12). */
function becomesGet(status: number, method: string): boolean {
  return status === 303 ? method !== "GET" && method !== "HEAD" : status <= 302 && method === "POST";
}

function withoutBody({ body: _body, headers, ...rest }: RequestInit): RequestInit {
  const kept = new Headers(headers);
  for (const name of ["content-type", "content-length", "content-encoding", "content-language"]) {
    kept.delete(name);
  }
  return { ...rest, method: "GET", headers: kept };
}

function onlyHarmless(headers: RequestInit["headers"]): Headers {
  return new Headers([...new Headers(headers)].filter(([name]) => harmlessHeaders.has(name)));
}
