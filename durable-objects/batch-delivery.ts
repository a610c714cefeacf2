// What a batch owes to the ledger, in order: its row and its groups before it starts, the groups that closed, in
// pieces, and how it ended. Every write may be repeated and comes out the same; a fault is left to the next pass.

import { completeIfDone, startBatch } from "./batch-changes.ts";
import type { GroupRow } from "./batch-groups.ts";
import type { BatchRow, BatchStore } from "./batch-store.ts";

/** What the batch writes outside; all may be repeated. */
export interface BatchLedger {
  create(row: BatchLedgerRow): Promise<void>;
  addGroups(
    batch: BatchLedgerRow,
    groups: readonly Pick<GroupRow, "group_id" | "task_id" | "task_index">[],
  ): Promise<void>;
  closeGroups(groupIds: readonly string[], end: { at: string; complete: boolean }): Promise<void>;
  /** Every group of the batch that is not closed will never be complete. */
  closeRest(batchId: string, at: string): Promise<void>;
  end(batchId: string, status: string, at: string): Promise<void>;
}

export interface BatchLedgerRow {
  readonly batch_id: string;
  readonly tenant: string;
  readonly split: string;
  readonly policy_version: string;
  readonly policy_step: number;
  readonly group_size: number;
  readonly tasks: number;
  readonly created_at: string;
}

/** One statement takes so many groups: some tens of kilobytes of ids. */
const groupsPerWrite = 500;
/** Closed groups wait for company, or a statement each would cost more than the rollouts; the alarm takes the rest. */
const minClosed = 64;

export interface BatchDeliveryDeps {
  readonly store: BatchStore;
  readonly ledger: BatchLedger;
  readonly now: () => number;
  /** The alarm's pass, which leaves nothing waiting. */
  readonly isThorough: boolean;
}

/** Throws what the ledger throws. */
export async function deliverBatch(deps: BatchDeliveryDeps): Promise<void> {
  if (deps.store.find() === null) {
    return;
  }
  if (deps.store.get().status === "queued") {
    await register(deps);
  }
  await tellClosed(deps);
  completeIfDone(deps.store, timeOf(deps));
  await settle(deps);
}

function timeOf({ now }: BatchDeliveryDeps): string {
  return new Date(now()).toISOString();
}

function rowOf({ spec, tasks, created_at }: BatchRow): BatchLedgerRow {
  const { batch_id, tenant, split, policy, group_size } = spec;
  return {
    batch_id,
    tenant,
    split,
    policy_version: policy.version,
    policy_step: policy.step,
    group_size,
    tasks,
    created_at,
  };
}

async function register(deps: BatchDeliveryDeps): Promise<void> {
  const { store, ledger } = deps;
  // Cancelled meanwhile, it needs no more groups.
  for (let row = store.get(); row.status === "queued"; row = store.get()) {
    const groups = store.groups().from(row.registered, groupsPerWrite);
    if (groups.length === 0) {
      startBatch(store, timeOf(deps));
      return;
    }
    await ledger.addGroups(rowOf(row), groups);
    store.update("registered", row.registered + groups.length);
  }
}

async function tellClosed(deps: BatchDeliveryDeps): Promise<void> {
  const { store, ledger } = deps;
  if (!isWorthTelling(deps)) {
    return;
  }
  for (;;) {
    const rows = store.groups().untold(groupsPerWrite);
    if (rows.length === 0) {
      return;
    }
    for (const complete of [true, false]) {
      const ids = rows.flatMap((row) => ((row.group_state === "complete") === complete ? row.group_id : []));
      if (ids.length > 0) {
        await ledger.closeGroups(ids, { at: timeOf(deps), complete });
      }
    }
    store.groups().told(rows);
  }
}

function isWorthTelling({ store, isThorough }: BatchDeliveryDeps): boolean {
  const { status, ended, tasks, spec } = store.get();
  const isOver = status !== "running" || ended === tasks * spec.group_size;
  return isOver || isThorough || store.groups().untoldCount() >= minClosed;
}

async function settle(deps: BatchDeliveryDeps): Promise<void> {
  const { store, ledger } = deps;
  const row = store.get();
  const { batch_id } = row.spec;
  // What is being cancelled still reports; its groups are closed when nothing more comes.
  if (row.ended_at === null || row.is_settled === 1 || store.rollouts.runningCount() > 0) {
    return;
  }
  // It may have ended before it was registered.
  await ledger.create(rowOf(row));
  if (row.status !== "completed") {
    await ledger.closeRest(batch_id, timeOf(deps));
  }
  await ledger.end(batch_id, row.status, row.ended_at);
  store.update("is_settled", 1);
}
