// CORS for the origins that the operator named, and for no other. A preflight is answered here; everything else
// goes on, for it is the browser that enforces this, not the server.

import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../mount.ts";

const exposed = "Location, X-Request-Id, X-Run-Id, Retry-After, Idempotency-Replayed, X-AgentFlow-Left-Out";
const allowedHeaders = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, X-Api-Key, X-Request-Id";
const maxAgeSeconds = "600";

export function allowOrigins(origins: readonly string[]) {
  return createMiddleware<AppEnv>(async function cors(context, next) {
    const origin = context.req.header("origin");
    const isAllowed = origin !== undefined && origins.includes(origin);
    const isPreflight =
      context.req.method === "OPTIONS" && context.req.header("access-control-request-method") !== undefined;
    if (isAllowed && isPreflight) {
      context.res = new Response(null, {
        status: 204,
        headers: {
          "access-control-allow-methods": "GET, POST, PUT, DELETE",
          "access-control-allow-headers": allowedHeaders,
          "access-control-max-age": maxAgeSeconds,
        },
      });
    } else {
      await next();
    }
    context.res.headers.append("vary", "Origin");
    if (isAllowed) {
      context.res.headers.set("access-control-allow-origin", origin);
      context.res.headers.set("access-control-expose-headers", exposed);
    }
  });
}
