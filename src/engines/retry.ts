// The retries of a model call, which the SDK's are switched off for: capped, jittered, honouring Retry-After, and
// told to the caller one by one before each wait. It retries nothing that the engine calls final, and an abort
// ends a wait at once.

import { err, type Result } from "../lib/result.ts";
import type { Clock } from "./clock.ts";
import type { ChatReply, ChatRequest, Engine, EngineError, EngineErrorCode } from "./engine.ts";

const DEFAULT_ATTEMPTS = 4;
/** Full jitter over 0.5, 1, 2, 4, 8 s: the spread that keeps many runs from returning together. */
const BASE_WAIT_MS = 500;
const MAX_WAIT_MS = 8_000;
/** A server that asks for more than this is down for the run's purposes. */
const MAX_RETRY_AFTER_MS = 60_000;

export interface RetryNotice {
  /** The try that has just failed, from 1. */
  readonly attempt: number;
  readonly code: EngineErrorCode;
  readonly reason: string;
  readonly waitMs: number;
}

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly maxAttempts?: number;
  readonly clock: Pick<Clock, "sleep">;
  /** In [0, 1). */
  readonly random: () => number;
  /** Asked before each wait: how long the caller may still wait. A longer wait ends the call; absent = no bound. */
  readonly waitLeftMs?: () => number;
  /** Awaited before the wait, so that the log has it first; a rejection ends the call with it. */
  readonly onRetry?: (notice: RetryNotice) => Promise<void>;
}

export interface ChatDone {
  readonly reply: ChatReply;
  /** Tries made, the successful one included. */
  readonly attempts: number;
}

export type ChatFailed = EngineError & { readonly attempts: number };

export async function chatWithRetries(
  engine: Engine,
  request: ChatRequest,
  options: RetryOptions,
): Promise<Result<ChatDone, ChatFailed>> {
  const maxAttempts = options.maxAttempts ?? DEFAULT_ATTEMPTS;
  for (let attempt = 1; ; attempt += 1) {
    const tried = await engine.chat(request, options.signal);
    if (tried.ok) {
      return { ok: true, value: { reply: tried.value, attempts: attempt } };
    }
    const { error } = tried;
    const waitMs = waitBefore(error, attempt, options.random);
    if (waitMs === null || attempt >= maxAttempts) {
      return err({ ...error, attempts: attempt });
    }
    if (options.waitLeftMs !== undefined && waitMs > options.waitLeftMs()) {
      return err({ ...error, detail: `${error.detail}; no time is left to wait for another try`, attempts: attempt });
    }
    await options.onRetry?.({ attempt, code: error.code, reason: error.detail, waitMs });
    await options.clock.sleep(waitMs, options.signal);
    if (options.signal.aborted) {
      return err({ ...aborted(), attempts: attempt });
    }
  }
}

/** Milliseconds until the next try, or null where there must be none. */
function waitBefore(error: EngineError, attempt: number, random: () => number): number | null {
  if (!error.retryable) {
    return null;
  }
  if (error.retryAfterMs === null) {
    return Math.round(random() * Math.min(MAX_WAIT_MS, BASE_WAIT_MS * 2 ** (attempt - 1)));
  }
  // Never earlier than asked; a little later, because everyone was told the same moment.
  return error.retryAfterMs > MAX_RETRY_AFTER_MS ? null : Math.round(error.retryAfterMs + random() * BASE_WAIT_MS);
}

export function aborted(): EngineError {
  return { code: "aborted", detail: "the call was aborted", retryable: false, retryAfterMs: null };
}
