// Without keys the service answers only on names of this machine. A page elsewhere that rebinds its name to
// 127.0.0.1 fails at the Host check, and one that merely calls us fails at the Origin check.

import { createMiddleware } from "hono/factory";
import type { AppEnv } from "../mount.ts";
import { HttpError } from "../problem.ts";

function isLoopback(url: URL | null): boolean {
  return url !== null && /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/.test(url.hostname);
}

function isOwnOrigin(origin: string, host: string): boolean {
  const url = URL.parse(origin);
  return isLoopback(url) && url?.host === host;
}

export function loopbackOnly() {
  return createMiddleware<AppEnv>(async function loopback(context, next) {
    const url = new URL(context.req.url);
    const host = context.req.header("host") ?? url.host;
    if (!isLoopback(url) || !isLoopback(URL.parse(`http://${host}`))) {
      throw new HttpError("wrong_host", "Without keys, call this server by localhost, 127.0.0.1 or [::1].");
    }
    const origin = context.req.header("origin");
    if (origin !== undefined && !isOwnOrigin(origin, host)) {
      throw new HttpError("foreign_origin", "Without keys, only pages of this server may call it.");
    }
    await next();
  });
}
