// The outbox: what a session owes to the world outside its object, delivered at least once and harmlessly repeated.
// A fault, or a call that hangs, postpones a row and is never thrown. What each row does is deliver-row.ts's business.

import type { OutboxKind, OutboxRow } from "./outbox-table.ts";
import { deliverRow, type RowDeps } from "./deliver-row.ts";
import type { SessionStore } from "./session-store.ts";
import { within } from "./within.ts";

/** Rows of one lane are delivered one after the other; asking a judge for minutes must not hold up the stores. */
export type Lane = "stores" | "asks";

export interface OutboxDeps extends RowDeps {
  readonly random: () => number;
  readonly warn: (message: string, error: unknown) => void;
}

/** Doubling from one second; five minutes keep a long fault from costing much. */
const baseWaitMs = 1000;
const maxWaitMs = 300_000;
/** A record of some megabytes on a slow day. A try that takes longer is given up, not the row. */
const maxStoreMs = 60_000;

/** Tries every row of the lane that is due, and those that follow from it. Rows that fail wait for their next time. */
export async function deliverOutbox(deps: OutboxDeps, lane: Lane): Promise<void> {
  const next = (): OutboxRow | null => nextDue(deps.store, deps.clock.now(), lane);
  for (let row = next(); row !== null; row = next()) {
    await tryRow(deps, row, lane === "asks" ? deps.maxAskMs + maxStoreMs : maxStoreMs);
  }
}

async function tryRow(deps: OutboxDeps, row: OutboxRow, limitMs: number): Promise<void> {
  const { outbox } = deps.store;
  try {
    const outcome = await within(deps.clock, limitMs, (signal) => deliverRow(deps, row, signal));
    if (outcome.kind === "delivered") {
      outbox.settle(row, outcome.next);
    } else {
      postpone(deps, row, { minWaitMs: outcome.minWaitMs, error: outcome.detail });
    }
  } catch (error) {
    postpone(deps, row, { minWaitMs: 0, error });
  }
}

function postpone(deps: OutboxDeps, row: OutboxRow, why: { minWaitMs: number; error: unknown }): void {
  const jittered = Math.min(maxWaitMs, baseWaitMs * 2 ** row.attempts) * (0.5 + deps.random() / 2);
  // Never earlier than asked; a little later, because everyone was told the same moment.
  const asked = Math.min(maxWaitMs, why.minWaitMs) * (1 + deps.random() / 4);
  const waitMs = Math.round(Math.max(jittered, asked));
  deps.store.outbox.postpone(row, deps.clock.now() + waitMs);
  deps.warn(`outbox row ${row.kind} of run ${row.ordinal} waits ${waitMs} ms`, why.error);
}

const storeOrder: readonly OutboxKind[] = ["erase", "created", "ended", "report", "reward"];

/** An end that was never tried. */
function isFirstEnd({ kind, attempts }: OutboxRow): boolean {
  return kind === "ended" && attempts === 0;
}

/** The row of the lane to be tried now; null where none is due. */
export function nextDue(store: SessionStore, nowMs: number, lane: Lane): OutboxRow | null {
  const rows = store.outbox.rows();
  const due = rows
    .filter((row) => (row.kind === "ask") === (lane === "asks") && row.next_at <= nowMs)
    // The row of the end holds all that the row of the creation does.
    .filter((row) => row.kind !== "created" || !rows.some((one) => isFirstEnd(one) && one.ordinal === row.ordinal))
    // A batch that learns of a reward must have learnt of the end before.
    .filter(
      (row) => row.kind !== "reward" || !rows.some((one) => one.kind === "report" && one.ordinal === row.ordinal),
    );
  const rank = (row: OutboxRow): number => storeOrder.indexOf(row.kind);
  return due.toSorted((left, right) => left.ordinal - right.ordinal || rank(left) - rank(right))[0] ?? null;
}
