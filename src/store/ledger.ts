// The ledger in D1: which runs there are, whose, and how they ended. It is an index that the outbox of each
// session fills; the truth about a run stays in its log. Every write may be repeated and comes out the same.

import * as z from "zod";
import { runIdOf } from "../lib/ids.ts";
import { guardStore } from "./store-fault.ts";
import { eraseStatements, insertCreated, upsertEnded } from "./ledger-statements.ts";
import { LedgerRun, OverdueRun, type RunCreatedRow, type RunEndedRow } from "./ledger-row.ts";

/** How long after its `max_seconds` an unended run is woken by the cron (DESIGN section 4). */
const overdueGraceSeconds = 300;
/** One sweep wakes so many at most; the next one takes the rest. */
export const maxOverdue = 500;

/** The last run of the page before; runs are listed newest first. */
export interface ListPosition {
  readonly created_at: string;
  readonly run_id: string;
}

export interface ListRuns {
  readonly tenant: string;
  readonly limit: number;
  readonly before: ListPosition | null;
  readonly status: string | null;
  readonly session_id: string | null;
}

export interface RunPage {
  readonly runs: LedgerRun[];
  readonly hasMore: boolean;
}

/** All methods throw StoreFault (`ledger_unavailable`) when D1 fails, and nothing else. */
export interface Ledger {
  recordCreated(row: RunCreatedRow): Promise<void>;
  recordEnded(row: RunEndedRow): Promise<void>;
  list(query: ListRuns): Promise<RunPage>;
  /** Those to be woken by this sweep, and noted as woken. `nowMs` since the epoch. */
  overdue(nowMs: number): Promise<OverdueRun[]>;
  /** Frozen datasets, not deleted, that hold rollouts of the session. */
  datasetsOf(tenant: string, sessionId: string): Promise<string[]>;
  /** Leaves a tombstone and deletes the session's rows; `at` is RFC 3339. */
  eraseSession(tenant: string, sessionId: string, at: string): Promise<void>;
  isErased(tenant: string, sessionId: string): Promise<boolean>;
  /** Resolves when D1 answers. */
  ping(): Promise<void>;
}

// Those that were not woken for longest go first: runs that no waking helps must not keep the others out.
const takeOverdue = `
  UPDATE runs SET woken_at = ?2 WHERE run_id IN (
    SELECT run_id FROM runs
    WHERE ended_at IS NULL AND unixepoch(created_at) + max_seconds + ${overdueGraceSeconds} < ?1
    ORDER BY coalesce(woken_at, created_at) LIMIT ${maxOverdue}
  ) RETURNING tenant, session_id, run_id`;

const selectDatasets = `
  SELECT DISTINCT datasets.dataset_id FROM claim_rollouts JOIN datasets USING (claim_id)
  WHERE datasets.tenant = ?1 AND datasets.deleted_at IS NULL
    AND claim_rollouts.run_id > ?2 AND claim_rollouts.run_id < ?3
  ORDER BY datasets.dataset_id`;

/** The ids of a session's runs lie between these two: they hold the session's own id, then `_` and digits. */
function runRange(sessionId: string): [after: string, before: string] {
  const prefix = runIdOf(sessionId, 0).replace(/\d+$/, "");
  return [prefix, `${prefix}:`];
}

/** The statement for one page; each filter is there only when asked for, so that its index can be used. */
function pageStatement(db: D1Database, query: ListRuns): D1PreparedStatement {
  const filters: [sql: string, values: string[]][] = [["tenant = ?", [query.tenant]]];
  if (query.status !== null) {
    filters.push(["status = ?", [query.status]]);
  }
  if (query.session_id !== null) {
    filters.push(["session_id = ?", [query.session_id]]);
  }
  if (query.before !== null) {
    filters.push(["(created_at, run_id) < (?, ?)", [query.before.created_at, query.before.run_id]]);
  }
  const where = filters.map(([sql]) => sql).join(" AND ");
  // One more than asked tells whether there is another page.
  return db
    .prepare(
      `SELECT run_id, session_id, status, query, created_at, ended_at, policy_version, turns, prompt_tokens,
        completion_tokens, reason, error_code FROM runs WHERE ${where} ORDER BY created_at DESC, run_id DESC LIMIT ?`,
    )
    .bind(...filters.flatMap(([, values]) => values), query.limit + 1);
}

export function createLedger(db: D1Database): Ledger {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  return {
    recordCreated: (row) =>
      guard(async () => {
        await insertCreated(db, row).run();
      }),
    recordEnded: (row) =>
      guard(async () => {
        await upsertEnded(db, row).run();
      }),
    list: (query) =>
      guard(async () => {
        const { results } = await pageStatement(db, query).all();
        const runs = results.slice(0, query.limit).map((row) => LedgerRun.parse(row));
        return { runs, hasMore: results.length > query.limit };
      }),
    overdue: (nowMs) =>
      guard(async () => {
        const { results } = await db
          .prepare(takeOverdue)
          .bind(Math.floor(nowMs / 1000), new Date(nowMs).toISOString())
          .all();
        return results.map((row) => OverdueRun.parse(row));
      }),
    datasetsOf: (tenant, sessionId) =>
      guard(async () => {
        const { results } = await db
          .prepare(selectDatasets)
          .bind(tenant, ...runRange(sessionId))
          .all();
        return results.map((row) => z.object({ dataset_id: z.string() }).parse(row).dataset_id);
      }),
    eraseSession: (tenant, sessionId, at) =>
      guard(async () => {
        // One batch is one transaction.
        await db.batch(eraseStatements(db, tenant, sessionId, at));
      }),
    isErased: (tenant, sessionId) =>
      guard(async () => {
        const row = await db
          .prepare("SELECT 1 FROM session_tombstones WHERE tenant = ?1 AND session_id = ?2")
          .bind(tenant, sessionId)
          .first();
        return row !== null;
      }),
    ping: () =>
      guard(async () => {
        await db.prepare("SELECT 1 FROM runs LIMIT 1").all();
      }),
  };
}
