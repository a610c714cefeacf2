// The ledger's writes as SQL, with the columns of each row in one place. A late row of an erased session is dropped
// by the statement itself, whatever order the messages came in.

import type { RunCreatedRow, RunEndedRow } from "./ledger-row.ts";

type Value = string | number | null;

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

const createdNames = [
  "run_id",
  "tenant",
  "session_id",
  "query",
  "created_at",
  "max_seconds",
  "policy_version",
  "batch_id",
  "group_id",
  "task_id",
  "rollout_index",
  "rollout_attempt",
] as const;

type Values<Name extends string> = Readonly<Record<Name, Value>>;

function createdValues(row: RunCreatedRow): Values<(typeof createdNames)[number]> {
  // A cut may leave half a surrogate pair, which D1 does not take.
  return { ...row, query: row.query.slice(0, maxQueryChars).toWellFormed() };
}

/** `INSERT INTO runs (…) SELECT …` of a session that was not erased; a conflict clause may follow. */
function insertRun(names: readonly string[]): string {
  const places = names.map((_, index) => `?${index + 1}`);
  const placeOf = (name: string): string => `?${names.indexOf(name) + 1}`;
  return `
    INSERT INTO runs (${names.join(", ")}) SELECT ${places.join(", ")}
    WHERE NOT EXISTS (
      SELECT 1 FROM session_tombstones WHERE tenant = ${placeOf("tenant")} AND session_id = ${placeOf("session_id")}
    )`;
}

const insertCreatedSql = `${insertRun([...createdNames, "status"])} ON CONFLICT (run_id) DO NOTHING`;

export function insertCreated(db: D1Database, row: RunCreatedRow): D1PreparedStatement {
  const values = createdValues(row);
  return db.prepare(insertCreatedSql).bind(...createdNames.map((name) => values[name]), "running");
}

const upsertEndedSql = `${insertRun([...createdNames, ...endColumns])}
  ON CONFLICT (run_id) DO UPDATE SET ${endColumns.map((name) => `${name} = excluded.${name}`).join(", ")}
  WHERE runs.ended_at IS NULL`;

/** Stands alone if the first row was never written; the first end wins. */
export function upsertEnded(db: D1Database, row: RunEndedRow): D1PreparedStatement {
  const values = createdValues(row);
  const ends: Values<(typeof endColumns)[number]> = {
    ...row,
    reward_components: row.reward_components === null ? null : JSON.stringify(row.reward_components),
    reward_pending: row.reward_pending ? 1 : 0,
  };
  const bound = [...createdNames.map((name) => values[name]), ...endColumns.map((name) => ends[name])];
  return db.prepare(upsertEndedSql).bind(...bound);
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
