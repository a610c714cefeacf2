// Batches and their groups in D1, as the batch's object writes them, and the list of a tenant's batches. An index that
// lags by moments: how far a batch is, its object knows. Every write may be repeated and comes out the same.

import * as z from "zod";
import { BatchStatus } from "../training/batch-object.ts";
import { guardStore } from "./store-fault.ts";

export const BatchListRow = z.object({
  batch_id: z.string(),
  status: BatchStatus,
  split: z.string(),
  policy_version: z.string(),
  policy_step: z.int(),
  group_size: z.int(),
  tasks: z.int(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
});
export type BatchListRow = z.infer<typeof BatchListRow>;

/** A batch as it begins. */
export interface NewBatchRow extends Omit<BatchListRow, "status" | "ended_at"> {
  readonly tenant: string;
}

export interface NewGroupRow {
  readonly group_id: string;
  readonly task_id: string;
  readonly task_index: number;
}

export interface ListBatches {
  readonly tenant: string;
  readonly limit: number;
  /** The last of the page before; batches are listed newest first. */
  readonly before: { readonly created_at: string; readonly batch_id: string } | null;
}

const OpenBatch = z.object({ tenant: z.string(), batch_id: z.string() });
export type OpenBatch = z.infer<typeof OpenBatch>;

/** One sweep wakes so many at most; the next one takes the rest. */
const maxOpen = 500;

const insertBatch = `
  INSERT INTO batches (batch_id, tenant, status, split, policy_version, policy_step, group_size, tasks, created_at)
  VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (batch_id) DO NOTHING`;

/** Hundreds in one statement: D1 binds a hundred values at most, so that the rows come as one JSON text. */
const insertGroups = `
  INSERT INTO groups (group_id, tenant, batch_id, task_id, task_index, split, policy_version, policy_step,
    size_planned, created_at)
  SELECT value ->> '$.group_id', ?1, ?2, value ->> '$.task_id', value ->> '$.task_index', ?3, ?4, ?5, ?6, ?7
  FROM json_each(?8) WHERE true ON CONFLICT (group_id) DO NOTHING`;

/** A claim has frozen whether its groups are complete: a reward that comes after it changes nothing. */
const closeSome = `
  UPDATE groups SET closed_at = ?1, complete = ?2
  WHERE group_id IN (SELECT value FROM json_each(?3)) AND closed_at IS NULL AND claim_id IS NULL`;

const selectColumns =
  "batch_id, status, split, policy_version, policy_step, group_size, tasks, created_at, ended_at FROM batches";

function toInsert(db: D1Database, row: NewBatchRow): D1PreparedStatement {
  const { batch_id, tenant, split, policy_version, policy_step, group_size, tasks, created_at } = row;
  return db
    .prepare(insertBatch)
    .bind(batch_id, tenant, split, policy_version, policy_step, group_size, tasks, created_at);
}

/** What the batch's object writes. All methods throw StoreFault (`ledger_unavailable`) when D1 fails. */
export function createBatchLedger(db: D1Database) {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  return {
    create: (row: NewBatchRow) =>
      guard(async () => {
        await toInsert(db, row).run();
      }),
    /** The batch's own row goes with them. */
    addGroups: (row: NewBatchRow, groups: readonly NewGroupRow[]) =>
      guard(async () => {
        const { tenant, batch_id, split, policy_version, policy_step, group_size, created_at } = row;
        const rows = groups.map(({ group_id, task_id, task_index }) => ({ group_id, task_id, task_index }));
        await db.batch([
          toInsert(db, row),
          db
            .prepare(insertGroups)
            .bind(tenant, batch_id, split, policy_version, policy_step, group_size, created_at, JSON.stringify(rows)),
        ]);
      }),
    closeGroups: (groupIds: readonly string[], end: { at: string; complete: boolean }) =>
      guard(async () => {
        await db.prepare(closeSome).bind(end.at, Number(end.complete), JSON.stringify(groupIds)).run();
      }),
    /** No group of the batch that is still open will ever be complete. */
    closeRest: (batchId: string, at: string) =>
      guard(async () => {
        const change = `UPDATE groups SET closed_at = ?2 WHERE closed_at IS NULL AND batch_id = ?1
          AND tenant = (SELECT tenant FROM batches WHERE batch_id = ?1)`;
        await db.prepare(change).bind(batchId, at).run();
      }),
    end: (batchId: string, status: string, at: string) =>
      guard(async () => {
        const change = "UPDATE batches SET status = ?2, ended_at = ?3 WHERE batch_id = ?1 AND ended_at IS NULL";
        await db.prepare(change).bind(batchId, status, at).run();
      }),
  };
}

/** What the HTTP layer and the cron read. */
export interface BatchList {
  list(query: ListBatches): Promise<{ rows: BatchListRow[]; hasMore: boolean }>;
  /** Batches that have not ended, oldest first. */
  open(): Promise<OpenBatch[]>;
}

export function createBatchList(db: D1Database): BatchList {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  return {
    list: ({ tenant, limit, before }) =>
      guard(async () => {
        const older = before === null ? "" : "AND (created_at, batch_id) < (?, ?)";
        const { results } = await db
          .prepare(`SELECT ${selectColumns} WHERE tenant = ? ${older} ORDER BY created_at DESC, batch_id DESC LIMIT ?`)
          // One more than asked tells whether there is another page.
          .bind(tenant, ...(before === null ? [] : [before.created_at, before.batch_id]), limit + 1)
          .all();
        const rows = results.slice(0, limit).map((row) => BatchListRow.parse(row));
        return { rows, hasMore: results.length > limit };
      }),
    open: () =>
      guard(async () => {
        const query = `SELECT tenant, batch_id FROM batches WHERE ended_at IS NULL ORDER BY created_at LIMIT ${maxOpen}`;
        const { results } = await db.prepare(query).all();
        return results.map((row) => OpenBatch.parse(row));
      }),
  };
}
