// The rows of a session's runs in its SQLite: one a run, with its status and its answer. The unended ones are kept in
// memory, because each request and each append asks for them, and this object alone changes them. Every statement that
// a new session need not make is one less to compile: most sessions have one run.

import * as z from "zod";
import type { RunEvent } from "../src/agent/events.ts";
import { RunStatus } from "../src/agent/run-object.ts";
import type { EarlierAnswer } from "../src/agent/run-spec.ts";
import { keyLifetimeMs } from "../src/lib/key-lifetime.ts";
import { isInitialised } from "./session-schema.ts";

export const RunRow = z.object({
  ordinal: z.int(),
  run_id: z.string(),
  status: RunStatus,
  query: z.string(),
  answer: z.string().nullable(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
});
export type RunRow = z.infer<typeof RunRow>;

export interface NewRun {
  readonly runId: (ordinal: number) => string;
  readonly query: string;
  readonly at: string;
  /** A new conversation knows nothing of the session's earlier runs. */
  readonly conversation: "new" | "continued";
  readonly key: { readonly keyHash: string; readonly bodyHash: string } | null;
}

const columns = "ordinal, run_id, status, query, answer, created_at, ended_at";

const KeyRow = RunRow.extend({ body_hash: z.string() });
const AnswerRow = z.object({ query: z.string(), answer: z.string() });

export class RunTable {
  readonly #sql: SqlStorage;
  /** The unended ones; null where they are to be read. */
  #unended: readonly RunRow[] | null = null;
  /** Whoever waited for a run's end asks for it then. */
  #lastEnded: RunRow | null = null;
  /** How many there are; null where they are to be counted. */
  #count: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The tables have just been made. */
  begin(): void {
    this.#unended = [];
    this.#count = 0;
  }

  /** Inside a transaction whose failure calls `forget`, as all that writes here. */
  insert({ runId, query, at, conversation, key }: NewRun): { ordinal: number; runId: string } {
    const before = this.#count ?? Number(this.#sql.exec("SELECT count(*) AS count FROM runs").one()["count"]);
    const row: RunRow = {
      ordinal: before + 1,
      run_id: runId(before + 1),
      status: "queued",
      query,
      answer: null,
      created_at: at,
      ended_at: null,
    };
    const since = before > 0 && conversation === "continued" ? this.#since(before) : row.ordinal;
    const { keyHash, bodyHash } = key ?? { keyHash: null, bodyHash: null };
    this.#sql.exec(
      `INSERT INTO runs (ordinal, run_id, status, query, created_at, key_hash, body_hash, since)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      row.ordinal,
      row.run_id,
      row.status,
      query,
      at,
      keyHash,
      bodyHash,
      since,
    );
    this.#unended = this.#unended === null ? null : [...this.#unended, row];
    this.#count = row.ordinal;
    return { ordinal: row.ordinal, runId: row.run_id };
  }

  /** The first run of the conversation that a run belongs to. */
  #since(ordinal: number): number {
    return Number(this.#sql.exec("SELECT since FROM runs WHERE ordinal = ?", ordinal).one()["since"]);
  }

  /** Brings a run's row up to an event of its log. */
  note(ordinal: number, event: RunEvent): void {
    const before = this.findByOrdinal(ordinal);
    const row = before === null ? null : afterEvent(before, event);
    if (row === null || row === before) {
      return;
    }
    const update = "UPDATE runs SET status = ?, answer = ?, ended_at = ? WHERE ordinal = ?";
    this.#sql.exec(update, row.status, row.answer, row.ended_at, ordinal);
    this.#lastEnded = row.ended_at === null ? this.#lastEnded : row;
    this.#unended = this.unended().flatMap((run) => (run.ordinal !== ordinal ? run : row.ended_at === null ? row : []));
  }

  deleteAll(): void {
    this.#sql.exec("DELETE FROM runs");
    this.forget();
  }

  /** Oldest first, those after the run `after` (null = from the first), at most `limit`. */
  list(after: string | null, limit: number): RunRow[] {
    return this.#rows(
      `SELECT ${columns} FROM runs
       WHERE ordinal > coalesce((SELECT ordinal FROM runs WHERE run_id = ?), 0) ORDER BY ordinal LIMIT ?`,
      after,
      limit,
    );
  }

  /** Oldest first: the one that runs, then those that wait. */
  unended(): readonly RunRow[] {
    this.#unended ??= this.#rows(`SELECT ${columns} FROM runs WHERE ended_at IS NULL ORDER BY ordinal`);
    return this.#unended;
  }

  findByOrdinal(ordinal: number): RunRow | null {
    return (
      this.#kept((run) => run.ordinal === ordinal) ??
      this.#rows(`SELECT ${columns} FROM runs WHERE ordinal = ?`, ordinal)[0] ??
      null
    );
  }

  find(runId: string): RunRow | null {
    return (
      this.#kept((run) => run.run_id === runId) ??
      this.#rows(`SELECT ${columns} FROM runs WHERE run_id = ?`, runId)[0] ??
      null
    );
  }

  #kept(isIt: (run: RunRow) => boolean): RunRow | null {
    return this.unended().find(isIt) ?? (this.#lastEnded !== null && isIt(this.#lastEnded) ? this.#lastEnded : null);
  }

  findByKey(keyHash: string, nowMs: number): { run: RunRow; bodyHash: string } | null {
    if (!isInitialised(this.#sql)) {
      return null;
    }
    const since = new Date(nowMs - keyLifetimeMs).toISOString();
    const row = this.#sql
      .exec(
        `SELECT ${columns}, body_hash FROM runs WHERE key_hash = ? AND created_at > ? ORDER BY ordinal DESC`,
        keyHash,
        since,
      )
      .toArray()[0];
    const found = row === undefined ? null : KeyRow.parse(row);
    return found === null ? null : { run: found, bodyHash: found.body_hash };
  }

  /** Questions of its conversation that were answered before run `ordinal`, the newest `limit`, oldest first. */
  earlierAnswers(ordinal: number, limit: number): EarlierAnswer[] {
    if (ordinal === 1) {
      return [];
    }
    return this.#sql
      .exec(
        `SELECT query, answer FROM runs
         WHERE ordinal < ?1 AND ordinal >= (SELECT since FROM runs WHERE ordinal = ?1) AND answer IS NOT NULL
         ORDER BY ordinal DESC LIMIT ?2`,
        ordinal,
        limit,
      )
      .toArray()
      .map((row) => AnswerRow.parse(row))
      .toReversed();
  }

  forget(): void {
    this.#unended = null;
    this.#lastEnded = null;
    this.#count = null;
  }

  #rows(query: string, ...bindings: (string | number | null)[]): RunRow[] {
    return isInitialised(this.#sql)
      ? this.#sql
          .exec(query, ...bindings)
          .toArray()
          .map((row) => RunRow.parse(row))
      : [];
  }
}

function afterEvent(row: RunRow, event: RunEvent): RunRow {
  switch (event.type) {
    case "run.started":
      return { ...row, status: "running" };
    case "run.completed":
      return { ...row, status: "completed", answer: event.answer, ended_at: event.at };
    case "run.incomplete":
      return { ...row, status: "incomplete", answer: event.answer, ended_at: event.at };
    case "run.failed":
      return { ...row, status: "failed", ended_at: event.at };
    case "run.cancelled":
      return { ...row, status: "cancelled", ended_at: event.at };
    default:
      return row;
  }
}
