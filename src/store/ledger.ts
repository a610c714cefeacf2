// The ledger in D1: which runs there are, whose, and how they ended. It is an index that the outbox of each
// session fills; the truth about a run stays in its log. Every write may be repeated and comes out the same.

import { guardStore } from "./store-fault.ts";
import { LedgerRun, OverdueRun, type RunCreatedRow, type RunEndedRow } from "./ledger-row.ts";

const maxQueryChars = 500;
/** How long after its `max_seconds` an unended run is woken by the cron (DESIGN section 4). */
const overdueGraceSeconds = 300;
/** One sweep wakes so many at most; the next one takes the rest. */
const maxOverdue = 500;

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
  /** `nowMs` since the epoch. */
  overdue(nowMs: number): Promise<OverdueRun[]>;
  /** Leaves a tombstone and deletes the session's rows; `at` is RFC 3339. */
  eraseSession(tenant: string, sessionId: string, at: string): Promise<void>;
  isErased(tenant: string, sessionId: string): Promise<boolean>;
  /** Resolves when D1 answers. */
  ping(): Promise<void>;
}

// A late row of an erased session is dropped here, whatever order the messages came in.
const insertCreated = `
  INSERT INTO runs (run_id, tenant, session_id, status, query, created_at, max_seconds, policy_version)
  SELECT ?1, ?2, ?3, 'running', ?4, ?5, ?6, ?7
  WHERE NOT EXISTS (SELECT 1 FROM session_tombstones WHERE tenant = ?2 AND session_id = ?3)
  ON CONFLICT (run_id) DO NOTHING`;

const upsertEnded = `
  INSERT INTO runs (run_id, tenant, session_id, status, query, created_at, max_seconds, policy_version,
    ended_at, turns, prompt_tokens, completion_tokens, reason, error_code, record_key, record_sha256)
  SELECT ?1, ?2, ?3, ?8, ?4, ?5, ?6, ?7, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16
  WHERE NOT EXISTS (SELECT 1 FROM session_tombstones WHERE tenant = ?2 AND session_id = ?3)
  ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, ended_at = excluded.ended_at, turns = excluded.turns,
    prompt_tokens = excluded.prompt_tokens, completion_tokens = excluded.completion_tokens, reason = excluded.reason,
    error_code = excluded.error_code, record_key = excluded.record_key, record_sha256 = excluded.record_sha256
  WHERE runs.ended_at IS NULL`;

const selectOverdue = `
  SELECT tenant, session_id, run_id FROM runs
  WHERE ended_at IS NULL AND unixepoch(created_at) + max_seconds + ${overdueGraceSeconds} < ?1
  ORDER BY created_at LIMIT ${maxOverdue}`;

function createdValues(row: RunCreatedRow): (string | number)[] {
  // A cut may leave half a surrogate pair, which D1 does not take.
  const query = row.query.slice(0, maxQueryChars).toWellFormed();
  return [row.run_id, row.tenant, row.session_id, query, row.created_at, row.max_seconds, row.policy_version];
}

function endedValues(row: RunEndedRow): (string | number | null)[] {
  return [
    ...createdValues(row),
    row.status,
    row.ended_at,
    row.turns,
    row.prompt_tokens,
    row.completion_tokens,
    row.reason,
    row.error_code,
    row.record_key,
    row.record_sha256,
  ];
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
        await db
          .prepare(insertCreated)
          .bind(...createdValues(row))
          .run();
      }),
    recordEnded: (row) =>
      guard(async () => {
        await db
          .prepare(upsertEnded)
          .bind(...endedValues(row))
          .run();
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
          .prepare(selectOverdue)
          .bind(Math.floor(nowMs / 1000))
          .all();
        return results.map((row) => OverdueRun.parse(row));
      }),
    eraseSession: (tenant, sessionId, at) =>
      guard(async () => {
        // One batch is one transaction.
        await db.batch([
          db
            .prepare("INSERT INTO session_tombstones VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
            .bind(tenant, sessionId, at),
          db.prepare("DELETE FROM runs WHERE tenant = ?1 AND session_id = ?2").bind(tenant, sessionId),
        ]);
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
