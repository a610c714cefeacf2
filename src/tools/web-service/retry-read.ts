// The retries of a read: few, capped, jittered, honouring a short Retry-After. Only for requests that change nothing
// on the other side; what is refused or wrong is not tried again, and an abort ends a wait at once.

import type { Result } from "../../lib/result.ts";
import type { WebDeps } from "./web-deps.ts";

export interface WebFault {
  /** e.g. `rate_limited`, `server_error`, `address_refused`, `bad_reply`. */
  readonly code: string;
  /** For people and planners; holds no key, no path and no query. */
  readonly detail: string;
  readonly retryable: boolean;
  /** What the server asked for; null where it did not say. */
  readonly retryAfterMs: number | null;
}

/** A run waits for the tool, so there is time for two more tries and no long rest. */
const maxAttempts = 3;
const baseWaitMs = 300;
/** A server that asks for more than this is down for the call's purposes. */
const maxRetryAfterMs = 6_000;

export async function retryRead<T>(
  deps: Pick<WebDeps, "clock" | "random">,
  signal: AbortSignal,
  attempt: () => Promise<Result<T, WebFault>>,
): Promise<Result<T, WebFault>> {
  for (let tries = 1; ; tries += 1) {
    const tried = await attempt();
    if (tried.ok || tries >= maxAttempts || !tried.error.retryable || signal.aborted) {
      return tried;
    }
    const asked = tried.error.retryAfterMs;
    if (asked !== null && asked > maxRetryAfterMs) {
      return tried;
    }
    const waitMs = asked === null ? deps.random() * baseWaitMs * 2 ** tries : asked + deps.random() * baseWaitMs;
    await deps.clock.sleep(Math.round(waitMs), signal);
  }
}

/** Seconds or a date, as milliseconds from now; null where there is none or nothing to make of it. */
export function readRetryAfter(headers: Headers, nowMs: number): number | null {
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,6}$/.test(text)) {
    return Number(text) * 1000;
  }
  const at = text === "" ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs);
}

/** A status that is no success, as a fault; null for a success. `who` is a host or a service's name. */
export function faultOfStatus(who: string, status: number, headers: Headers, nowMs: number): WebFault | null {
  if (status >= 200 && status < 300) {
    return null;
  }
  const detail = `${who} answered with status ${status}`;
  const retryAfterMs = readRetryAfter(headers, nowMs);
  if (status === 429) {
    return { code: "rate_limited", detail, retryable: true, retryAfterMs };
  }
  if (status >= 500) {
    return { code: "server_error", detail, retryable: true, retryAfterMs };
  }
  const code =
    status === 401 || status === 403 ? "access_denied" : status === 404 || status === 410 ? "not_found" : "refused";
  return { code, detail, retryable: false, retryAfterMs: null };
}
