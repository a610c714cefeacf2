// What asking for a late reward comes to. A fault is never a value: who could not judge has not judged the answer
// to be wrong.

/** What a judge or a webhook said. */
export interface LateVerdict {
  readonly value: number;
  readonly components: Record<string, number> | null;
  readonly reason: string | null;
  readonly judgeModel: string | null;
  readonly promptVersion: string | null;
}

export interface LateFault {
  /** Of the engine, of the fetch, or one of `bad_verdict`, `webhook_failed`, `secret_refused`. */
  readonly code: string;
  readonly detail: string;
  /** Whether another try may bring what this one did not. */
  readonly isRetryable: boolean;
  /** What the server asked for; null where it said nothing. */
  readonly retryAfterMs: number | null;
}

/** Reasons are notes for people. */
const maxReasonChars = 2000;

export function briefReason(text: string): string | null {
  const trimmed = text.trim();
  return trimmed === "" ? null : trimmed.slice(0, maxReasonChars).toWellFormed();
}
