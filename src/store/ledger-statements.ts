// The ledger's writes as SQL, with the columns of each row in one place. A late row of an erased session is dropped
// by the statement itself, whatever order the messages came in.

import type { RunCreatedRow, RunEndedRow } from "./ledger-row.ts";

type Value = string | number | null;
type Columns = readonly (readonly [name: string, value: Value])[];

const maxQueryChars = 500;

/** What may still change when a run ends; the others stand from its creation. */
const endColumns = [
  "status",
  "ended_at",
  "turns",
  "prompt_tokens",
  "completion_tokens",
  "reason",
  "error_code",
  "record_key",
  "record_sha256",
  "invalid_reason",
  "reward",
  "reward_kind",
  "reward_components",
  "reward_pending",
] as const;

function createdColumns(row: RunCreatedRow): Columns {
  return [
    ["run_id", row.run_id],
    ["tenant", row.tenant],
    ["session_id", row.session_id],
    // A cut may leave half a surrogate pair, which D1 does not take.
    ["query", row.query.slice(0, maxQueryChars).toWellFormed()],
    ["created_at", row.created_at],
    ["max_seconds", row.max_seconds],
    ["policy_version", row.policy_version],
    ["batch_id", row.batch_id],
    ["group_id", row.group_id],
    ["task_id", row.task_id],
    ["rollout_index", row.rollout_index],
    ["rollout_attempt", row.rollout_attempt],
  ];
}

/** `INSERT INTO runs (…) SELECT …` of a session that was not erased; a conflict clause may follow. */
function insertRun(columns: Columns): { readonly sql: string; readonly values: readonly Value[] } {
  const names = columns.map(([name]) => name);
  const places = columns.map((_, index) => `?${index + 1}`);
  const placeOf = (name: string): string => `?${names.indexOf(name) + 1}`;
  const sql = `
    INSERT INTO runs (${names.join(", ")}) SELECT ${places.join(", ")}
    WHERE NOT EXISTS (
      SELECT 1 FROM session_tombstones WHERE tenant = ${placeOf("tenant")} AND session_id = ${placeOf("session_id")}
    )`;
  return { sql, values: columns.map(([, value]) => value) };
}

export function insertCreated(db: D1Database, row: RunCreatedRow): D1PreparedStatement {
  const { sql, values } = insertRun([...createdColumns(row), ["status", "running"]]);
  return db.prepare(`${sql} ON CONFLICT (run_id) DO NOTHING`).bind(...values);
}

/** Stands alone if the first row was never written; the first end wins. */
export function upsertEnded(db: D1Database, row: RunEndedRow): D1PreparedStatement {
  const ends: Record<(typeof endColumns)[number], Value> = {
    status: row.status,
    ended_at: row.ended_at,
    turns: row.turns,
    prompt_tokens: row.prompt_tokens,
    completion_tokens: row.completion_tokens,
    reason: row.reason,
    error_code: row.error_code,
    record_key: row.record_key,
    record_sha256: row.record_sha256,
    invalid_reason: row.invalid_reason,
    reward: row.reward,
    reward_kind: row.reward_kind,
    reward_components: row.reward_components === null ? null : JSON.stringify(row.reward_components),
    reward_pending: row.reward_pending ? 1 : 0,
  };
  const columns = endColumns.map((name) => [name, ends[name]] as const);
  const { sql, values } = insertRun([...createdColumns(row), ...columns]);
  const updates = endColumns.map((name) => `${name} = excluded.${name}`).join(", ");
  return db.prepare(`${sql} ON CONFLICT (run_id) DO UPDATE SET ${updates} WHERE runs.ended_at IS NULL`).bind(...values);
}

/** To be run as one transaction: the tombstone, and everything that the session left. */
export function eraseStatements(db: D1Database, tenant: string, sessionId: string, at: string): D1PreparedStatement[] {
  return [
    db
      .prepare(
        `INSERT INTO session_tombstones (tenant, session_id, erased_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (tenant, session_id) DO NOTHING`,
      )
      .bind(tenant, sessionId, at),
    db
      .prepare("DELETE FROM rewards WHERE run_id IN (SELECT run_id FROM runs WHERE tenant = ?1 AND session_id = ?2)")
      .bind(tenant, sessionId),
    db.prepare("DELETE FROM runs WHERE tenant = ?1 AND session_id = ?2").bind(tenant, sessionId),
  ];
}
