// What every response carries: a request id, and headers that stop browsers from guessing and caches from keeping.

import { createMiddleware } from "hono/factory";
import { type IdSource, newSessionId } from "../../lib/ids.ts";
import type { AppEnv } from "../mount.ts";

/** An id from outside is kept if it is harmless in a header and in a log. */
const sane = /^[\w.:-]{1,128}$/;

const defaults = {
  "cache-control": "no-store",
  // Pages set their own, with a nonce.
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

function newRequestId(ids: IdSource): string {
  return newSessionId(ids).replace("ses_", "req_");
}

export function commonHeaders(ids: IdSource) {
  return createMiddleware<AppEnv>(async function headers(context, next) {
    const given = context.req.header("x-request-id") ?? "";
    const requestId = sane.test(given) ? given : newRequestId(ids);
    context.set("requestId", requestId);
    await next();
    context.res.headers.set("x-request-id", requestId);
    for (const [name, value] of Object.entries(defaults)) {
      if (!context.res.headers.has(name)) {
        context.res.headers.set(name, value);
      }
    }
  });
}
