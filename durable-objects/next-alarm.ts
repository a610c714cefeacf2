// When a session must be woken next: one function over everything that is open, so that nothing open is ever left
// without an alarm. It sets nothing itself.

export interface OpenWork {
  readonly hasUnendedRun: boolean;
  readonly outbox: readonly { readonly attempts: number; readonly next_at: number }[];
}

/** A row that is overdue waits this long at least: alarms that follow each other at once would starve the object. */
const minWaitMs = 1000;

/** Milliseconds since the epoch; null where nothing is open. */
export function nextAlarm(open: OpenWork, nowMs: number, leaseMs: number): number | null {
  const due = [
    ...(open.hasUnendedRun ? [nowMs + leaseMs] : []),
    // A row that was never tried is being delivered right now; the alarm is for the case that this is cut short.
    ...open.outbox.map((row) => (row.attempts === 0 ? nowMs + leaseMs : Math.max(row.next_at, nowMs + minWaitMs))),
  ];
  return due.length === 0 ? null : Math.min(...due);
}
