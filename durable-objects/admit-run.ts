// Whether a run is to be created at all: a rollout is started once for ever, a key names one run for a day, and a
// session takes only so many runs that wait. It writes nothing.

import type { StartRun } from "./session-api.ts";
import type { RunRow } from "./run-table.ts";
import type { SessionStore } from "./session-store.ts";

/** A session is a conversation; a caller that queues more than this wants several sessions. */
const maxWaitingRuns = 16;

export type Admission =
  | { readonly kind: "admitted" }
  /** The request came before, and this is its run. */
  | { readonly kind: "replayed"; readonly run: RunRow }
  | { readonly kind: "key_reused" }
  | { readonly kind: "queue_full"; readonly waiting: number };

export function admitRun(store: SessionStore, { spec, idempotency }: StartRun, nowMs: number): Admission {
  // A rollout's session is its own, and its batch may ask for the start again at any time.
  const [rollout] = spec.rollout === undefined ? [] : store.runs.list(null, 1);
  if (rollout !== undefined) {
    return { kind: "replayed", run: rollout };
  }
  const before = idempotency === null ? null : store.runs.findByKey(idempotency.keyHash, nowMs);
  if (before !== null) {
    return before.bodyHash === idempotency?.bodyHash ? { kind: "replayed", run: before.run } : { kind: "key_reused" };
  }
  const waiting = store.runs.unended().length - 1;
  return waiting >= maxWaitingRuns ? { kind: "queue_full", waiting } : { kind: "admitted" };
}
