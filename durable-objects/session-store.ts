// A session's SQLite: what it is, its runs and their logs, changed in transactions. Synchronous, because SQLite in
// a Durable Object is; the object's output gate holds back whatever follows a write until the write is durable.

import * as z from "zod";
import { toEvent } from "../src/agent/bookkeeping.ts";
import { isTerminal, type RunEvent } from "../src/agent/events.ts";
import { RunStatus } from "../src/agent/run-object.ts";
import type { EarlierAnswer } from "../src/agent/run-spec.ts";
import type { RunState } from "../src/agent/run-state.ts";
import { EventTable, type PreparedEvent } from "./event-table.ts";
import { foldLog } from "./fold-log.ts";
import type { OpenWork } from "./next-alarm.ts";
import { OutboxTable } from "./outbox-table.ts";
import { isInitialised, migrate, newestVersion, readVersion } from "./session-schema.ts";

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

const runColumns = "ordinal, run_id, status, query, answer, created_at, ended_at";
/** DESIGN section 5: an `Idempotency-Key` is kept for a day. */
const keyLifetimeMs = 24 * 3600 * 1000;
/** Twenty turns of eight calls, each recovered ten times, are under five thousand events. */
const maxEvents = 100_000;

const KeyRow = RunRow.extend({ body_hash: z.string() });
const AnswerRow = z.object({ query: z.string(), answer: z.string() });

export class SessionStore {
  readonly events: EventTable;
  readonly outbox: OutboxTable;
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** Kept, because nearly every question begins with it; only `createRun` ends it. */
  #isEmpty: boolean;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.events = new EventTable(storage.sql);
    this.outbox = new OutboxTable(storage);
    this.#isEmpty = !isInitialised(this.#sql);
    if (!this.#isEmpty && readVersion(this.#sql) < newestVersion) {
      storage.transactionSync(() => {
        migrate(this.#sql);
      });
    }
  }

  isEmpty(): boolean {
    return this.#isEmpty;
  }

  getMeta(key: string): string | null {
    if (this.isEmpty()) {
      return null;
    }
    const row = this.#sql.exec("SELECT value FROM meta WHERE key = ?", key).toArray()[0];
    return typeof row?.["value"] === "string" ? row["value"] : null;
  }

  #setMeta(key: string, value: string): void {
    this.#sql.exec("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value);
  }

  /**
   * Creates the tables on the first run, the run's row, its first event and its outbox row, in one transaction. A new
   * conversation knows nothing of the session's earlier runs.
   */
  createRun(
    session: { tenant: string; sessionId: string; conversation: "new" | "continued" },
    run: { runId: (ordinal: number) => string; event: PreparedEvent; at: string; query: string },
    key: { keyHash: string; bodyHash: string } | null,
  ): { ordinal: number; event: RunEvent } {
    const created = this.#storage.transactionSync(() => {
      if (this.isEmpty()) {
        migrate(this.#sql);
        this.#setMeta("tenant", session.tenant);
        this.#setMeta("session_id", session.sessionId);
        this.#setMeta("created_at", run.at);
      }
      const ordinal = Number(this.#sql.exec("SELECT count(*) AS count FROM runs").one()["count"]) + 1;
      const runId = run.runId(ordinal);
      this.#sql.exec(
        `INSERT INTO runs (ordinal, run_id, status, query, created_at, key_hash, body_hash, since)
         VALUES (?1, ?2, 'queued', ?3, ?4, ?5, ?6, coalesce((SELECT since FROM runs WHERE ordinal = ?7), ?1))`,
        ordinal,
        runId,
        run.query,
        run.at,
        key?.keyHash ?? null,
        key?.bodyHash ?? null,
        session.conversation === "continued" ? ordinal - 1 : null,
      );
      const event = toEvent(run.event.event, { seq: 1, run_id: runId, at: run.at });
      this.events.insert(ordinal, event, 0, run.event.detail);
      this.outbox.add(ordinal, { kind: "created", payload: null });
      return { ordinal, event };
    });
    this.#isEmpty = false;
    return created;
  }

  /**
   * Appends to a run's log in one transaction, or nothing at all once it has its terminal event or was erased (null).
   * Events get the numbers after the log's last; a terminal one also closes the run's row and fills the outbox.
   */
  append(
    run: { ordinal: number; runId: string },
    events: readonly PreparedEvent[],
    at: string,
    activeMs: number,
  ): RunEvent[] | null {
    return this.#storage.transactionSync(() => {
      const last = "(SELECT max(seq) FROM events WHERE events.ordinal = runs.ordinal)";
      const row = this.#sql
        .exec(`SELECT ended_at, ${last} AS seq FROM runs WHERE ordinal = ?`, run.ordinal)
        .toArray()[0];
      if (row === undefined || row["ended_at"] !== null) {
        return null;
      }
      const seq = Number(row["seq"]);
      return events.map(({ event, detail }, index) => {
        const stored = toEvent(event, { seq: seq + index + 1, run_id: run.runId, at });
        this.events.insert(run.ordinal, stored, activeMs, detail);
        this.#noteStatus(run.ordinal, stored);
        return stored;
      });
    });
  }

  #noteStatus(ordinal: number, event: RunEvent): void {
    if (event.type === "run.started") {
      this.#sql.exec("UPDATE runs SET status = 'running' WHERE ordinal = ?", ordinal);
    }
    if (isTerminal(event.type)) {
      const answer = event.type === "run.completed" || event.type === "run.incomplete" ? event.answer : null;
      const status = event.type.slice("run.".length);
      this.#sql.exec(
        "UPDATE runs SET status = ?, answer = ?, ended_at = ? WHERE ordinal = ?",
        status,
        answer,
        event.at,
        ordinal,
      );
      this.outbox.add(ordinal, { kind: "ended", payload: null });
    }
  }

  /** Oldest first, those after the run `after` (null = from the first), at most `limit`. */
  runs(after: string | null, limit: number): RunRow[] {
    return this.isEmpty()
      ? []
      : this.#runRows(
          `SELECT ${runColumns} FROM runs
           WHERE ordinal > coalesce((SELECT ordinal FROM runs WHERE run_id = ?), 0) ORDER BY ordinal LIMIT ?`,
          after,
          limit,
        );
  }

  findByOrdinal(ordinal: number): RunRow | null {
    return this.isEmpty()
      ? null
      : (this.#runRows(`SELECT ${runColumns} FROM runs WHERE ordinal = ?`, ordinal)[0] ?? null);
  }

  findRun(runId: string): RunRow | null {
    return this.isEmpty() ? null : (this.#runRows(`SELECT ${runColumns} FROM runs WHERE run_id = ?`, runId)[0] ?? null);
  }

  /** Oldest first: the one that runs, then those that wait. */
  unended(): RunRow[] {
    return this.isEmpty()
      ? []
      : this.#runRows(`SELECT ${runColumns} FROM runs WHERE ended_at IS NULL ORDER BY ordinal`);
  }

  findByKey(keyHash: string, nowMs: number): { run: RunRow; bodyHash: string } | null {
    if (this.isEmpty()) {
      return null;
    }
    const since = new Date(nowMs - keyLifetimeMs).toISOString();
    const row = this.#sql
      .exec(
        `SELECT ${runColumns}, body_hash FROM runs WHERE key_hash = ? AND created_at > ? ORDER BY ordinal DESC`,
        keyHash,
        since,
      )
      .toArray()[0];
    const found = row === undefined ? null : KeyRow.parse(row);
    return found === null ? null : { run: found, bodyHash: found.body_hash };
  }

  #runRows(query: string, ...bindings: (string | number | null)[]): RunRow[] {
    return this.#sql
      .exec(query, ...bindings)
      .toArray()
      .map((row) => RunRow.parse(row));
  }

  /** Questions of its conversation that were answered before run `ordinal`, the newest `limit`, oldest first. */
  earlierAnswers(ordinal: number, limit: number): EarlierAnswer[] {
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

  /** Throws UnreadableLogError, also for a log whose events can be read one by one and make no sense together. */
  readState(ordinal: number): RunState | null {
    return foldLog(this.events.read(ordinal, 0, maxEvents));
  }

  openWork(): OpenWork {
    return {
      hasUnendedRun: this.unended().length > 0,
      outbox: this.outbox.rows(),
    };
  }

  /** Leaves of the session nothing but its tombstone and the ids whose traces elsewhere are still to be removed. */
  erase(at: string): string[] {
    return this.#storage.transactionSync(() => {
      const runIds = this.runs(null, Number.MAX_SAFE_INTEGER).map((run) => run.run_id);
      this.#sql.exec("DELETE FROM events; DELETE FROM outbox; DELETE FROM runs;");
      this.outbox.add(0, { kind: "erase", payload: null });
      this.#setMeta("erased_at", at);
      this.#setMeta("erasing", JSON.stringify(runIds));
      return runIds;
    });
  }

  /** Run ids whose traces elsewhere are still to be removed; null when the erasure is complete or was never asked for. */
  erasing(): string[] | null {
    const value = this.getMeta("erasing");
    return value === null ? null : z.array(z.string()).parse(JSON.parse(value));
  }

  /** The erasure is complete: of the session there is left that it was erased, and when. */
  settleErasure(): void {
    this.#sql.exec("DELETE FROM outbox; DELETE FROM meta WHERE key NOT IN ('schema', 'erased_at');");
  }
}
