// The one alarm of a batch's object: a lease ahead while something is open, at the end of an upload's life, and taken
// away when nothing is. It is only ever moved to an earlier time while it stands, so that a busy batch cannot put its
// own safety net off.

import type { BatchStore } from "./batch-store.ts";

/** Times in milliseconds since the epoch. */
export interface BatchAlarmStorage {
  setAlarm(at: number): Promise<void>;
  getAlarm(): Promise<number | null>;
  deleteAlarm(): Promise<void>;
}

export interface BatchAlarmHost {
  readonly storage: BatchAlarmStorage;
  readonly store: BatchStore;
  readonly now: () => number;
  readonly leaseMs: number;
}

/** Milliseconds since the epoch; null where nothing is open. */
export function nextBatchAlarm(store: BatchStore, nowMs: number, leaseMs: number): number | null {
  if (store.isEmpty()) {
    return null;
  }
  const batch = store.find();
  const isOpen = batch !== null && (batch.is_settled === 0 || store.groups().untoldCount() > 0);
  const expiry = store.uploads.nextExpiry();
  const due = [...(isOpen ? [nowMs + leaseMs] : []), ...(expiry === null ? [] : [Math.max(expiry, nowMs + leaseMs)])];
  return due.length === 0 ? null : Math.min(...due);
}

/** An alarm that is so much overdue was lost by the platform (reference: alarms in the past that never fire). */
const lostAfterMs = 60_000;

export class BatchAlarm {
  readonly #host: BatchAlarmHost;
  /** What this incarnation set; null where it does not know. */
  #setFor: number | null = null;

  constructor(host: BatchAlarmHost) {
    this.#host = host;
  }

  /** The platform has taken the alarm away. */
  rang(): void {
    this.#setFor = null;
  }

  /** Sets it without any wait before, so that it commits together with what was written just now. */
  async arm(): Promise<void> {
    const { storage, store, now, leaseMs } = this.#host;
    const at = nextBatchAlarm(store, now(), leaseMs);
    if (at !== null) {
      if (this.#setFor === null || at < this.#setFor || this.#setFor + lostAfterMs < now()) {
        this.#setFor = at;
        await storage.setAlarm(at);
      }
      return;
    }
    // Asked first, because deleting writes even where there is none, and an unknown id must leave no trace.
    const standing = await storage.getAlarm();
    if (standing !== null && nextBatchAlarm(store, now(), leaseMs) === null) {
      this.#setFor = null;
      await storage.deleteAlarm();
    }
  }
}
