// All SQL of a session: runs, their logs, the outbox. Synchronous, because SQLite in a Durable Object is; the
// object's output gate holds back whatever follows a write until the write is durable.

import * as z from "zod";
import { toEvent } from "../src/agent/bookkeeping.ts";
import { EventDetail, isTerminal, type NewEvent, type RunEvent, RunEventSchema } from "../src/agent/events.ts";
import { foldRun } from "../src/agent/fold.ts";
import { RunStatus } from "../src/agent/run-object.ts";
import type { RunState } from "../src/agent/run-state.ts";
import type { EarlierAnswer } from "../src/agent/run-spec.ts";
import type { LogEntry } from "../src/training/rollout-record.ts";
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

export const OutboxKind = z.enum(["created", "ended"]);
export const OutboxRow = z.object({ ordinal: z.int(), kind: OutboxKind, attempts: z.int(), next_at: z.number() });
export type OutboxRow = z.infer<typeof OutboxRow>;

/** A detail either stands in its row or, where it is too large for one, in R2 under a key. */
export type StoredDetail = { readonly inline: EventDetail } | { readonly r2: string };
export type PreparedEvent = { readonly event: NewEvent; readonly detail: StoredDetail | null };

const runColumns = "ordinal, run_id, status, query, answer, created_at, ended_at";
/** DESIGN section 5: an `Idempotency-Key` is kept for a day. */
const keyLifetimeMs = 24 * 3600 * 1000;

const KeyRow = RunRow.extend({ body_hash: z.string() });
const AnswerRow = z.object({ query: z.string(), answer: z.string() });
const SpilledDetail = z.strictObject({ r2: z.string() });
const InlineDetail = z.strictObject({ inline: EventDetail });

export class SessionStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    if (isInitialised(this.#sql) && readVersion(this.#sql) < newestVersion) {
      storage.transactionSync(() => {
        migrate(this.#sql);
      });
    }
  }

  isEmpty(): boolean {
    return !isInitialised(this.#sql);
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

  /** Creates the tables on the first run, the run's row, its first event and its outbox row, in one transaction. */
  createRun(
    session: { tenant: string; sessionId: string },
    run: { runId: (ordinal: number) => string; event: PreparedEvent; at: string; query: string },
    key: { keyHash: string; bodyHash: string } | null,
  ): { ordinal: number; event: RunEvent } {
    return this.#storage.transactionSync(() => {
      if (this.isEmpty()) {
        migrate(this.#sql);
        this.#setMeta("tenant", session.tenant);
        this.#setMeta("session_id", session.sessionId);
        this.#setMeta("created_at", run.at);
      }
      const ordinal = this.#count("runs") + 1;
      const runId = run.runId(ordinal);
      this.#sql.exec(
        "INSERT INTO runs (ordinal, run_id, status, query, created_at, key_hash, body_hash) VALUES (?, ?, 'queued', ?, ?, ?, ?)",
        ordinal,
        runId,
        run.query,
        run.at,
        key?.keyHash ?? null,
        key?.bodyHash ?? null,
      );
      const event = toEvent(run.event.event, { seq: 1, run_id: runId, at: run.at });
      this.#insertEvent(ordinal, event, 0, run.event.detail);
      this.#sql.exec("INSERT INTO outbox VALUES (?, 'created', 0, 0)", ordinal);
      return { ordinal, event };
    });
  }

  /**
   * Appends to a run's log in one transaction, or nothing at all once it has its terminal event (null). Events are
   * numbered from `lastSeq` + 1; a terminal one also closes the run's row and fills the outbox.
   */
  append(
    run: { ordinal: number; runId: string },
    events: readonly PreparedEvent[],
    at: string,
    activeMs: number,
  ): RunEvent[] | null {
    return this.#storage.transactionSync(() => {
      const row = this.#sql.exec("SELECT status, ended_at FROM runs WHERE ordinal = ?", run.ordinal).toArray()[0];
      if (row === undefined || row["ended_at"] !== null) {
        return null;
      }
      const last = this.#sql.exec("SELECT max(seq) AS seq FROM events WHERE ordinal = ?", run.ordinal).one();
      const seq = Number(last["seq"] ?? 0);
      return events.map(({ event, detail }, index) => {
        const stored = toEvent(event, { seq: seq + index + 1, run_id: run.runId, at });
        this.#insertEvent(run.ordinal, stored, activeMs, detail);
        this.#noteStatus(run.ordinal, stored);
        return stored;
      });
    });
  }

  #insertEvent(ordinal: number, event: RunEvent, activeMs: number, detail: StoredDetail | null): void {
    const body = JSON.stringify(event);
    const text = detail === null ? null : JSON.stringify(detail);
    this.#sql.exec("INSERT INTO events VALUES (?, ?, ?, ?, ?)", ordinal, event.seq, Math.round(activeMs), body, text);
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
      this.#sql.exec("INSERT INTO outbox VALUES (?, 'ended', 0, 0)", ordinal);
    }
  }

  #count(table: "runs" | "events"): number {
    return Number(this.#sql.exec(`SELECT count(*) AS count FROM ${table}`).one()["count"]);
  }

  runs(): RunRow[] {
    return this.isEmpty() ? [] : this.#runRows(`SELECT ${runColumns} FROM runs ORDER BY ordinal`);
  }

  findRun(runId: string): RunRow | null {
    return this.isEmpty() ? null : (this.#runRows(`SELECT ${runColumns} FROM runs WHERE run_id = ?`, runId)[0] ?? null);
  }

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

  #runRows(query: string, ...bindings: (string | number)[]): RunRow[] {
    return this.#sql
      .exec(query, ...bindings)
      .toArray()
      .map((row) => RunRow.parse(row));
  }

  /** Questions answered before run `ordinal`, the newest `limit`, oldest first. */
  earlierAnswers(ordinal: number, limit: number): EarlierAnswer[] {
    return this.#sql
      .exec(
        "SELECT query, answer FROM runs WHERE ordinal < ? AND answer IS NOT NULL ORDER BY ordinal DESC LIMIT ?",
        ordinal,
        limit,
      )
      .toArray()
      .map((row) => AnswerRow.parse(row))
      .toReversed();
  }

  /** Events after `after`, at most `limit`, as they were stored. */
  readEvents(ordinal: number, after: number, limit: number): RunEvent[] {
    return this.#sql
      .exec("SELECT body FROM events WHERE ordinal = ? AND seq > ? ORDER BY seq LIMIT ?", ordinal, after, limit)
      .toArray()
      .map((row) => toStoredEvent(row["body"]));
  }

  readState(ordinal: number): RunState | null {
    return foldRun(this.readEvents(ordinal, 0, maxEvents));
  }

  /** Counted milliseconds at the last append. */
  activeMs(ordinal: number): number {
    const row = this.#sql.exec("SELECT max(active_ms) AS active_ms FROM events WHERE ordinal = ?", ordinal).one();
    return Number(row["active_ms"] ?? 0);
  }

  /** Events with their details; `fetchDetail` reads the ones that lie in R2. */
  async readLog(
    ordinal: number,
    after: number,
    limit: number,
    fetchDetail: (key: string) => Promise<string>,
  ): Promise<LogEntry[]> {
    const rows = this.#sql
      .exec("SELECT body, detail FROM events WHERE ordinal = ? AND seq > ? ORDER BY seq LIMIT ?", ordinal, after, limit)
      .toArray();
    const entries: LogEntry[] = [];
    for (const row of rows) {
      entries.push({ event: toStoredEvent(row["body"]), detail: await toDetail(row["detail"], fetchDetail) });
    }
    return entries;
  }

  outbox(): OutboxRow[] {
    return this.isEmpty()
      ? []
      : this.#sql
          .exec("SELECT ordinal, kind, attempts, next_at FROM outbox ORDER BY ordinal, kind")
          .toArray()
          .map((row) => OutboxRow.parse(row));
  }

  settleOutbox({ ordinal, kind }: OutboxRow): void {
    this.#sql.exec("DELETE FROM outbox WHERE ordinal = ? AND kind = ?", ordinal, kind);
  }

  postponeOutbox({ ordinal, kind, attempts }: OutboxRow, nextAt: number): void {
    this.#sql.exec(
      "UPDATE outbox SET attempts = ?, next_at = ? WHERE ordinal = ? AND kind = ?",
      attempts + 1,
      nextAt,
      ordinal,
      kind,
    );
  }

  /** Leaves of the session nothing but its tombstone and the ids whose traces elsewhere are still to be removed. */
  erase(at: string): string[] {
    return this.#storage.transactionSync(() => {
      const runIds = this.runs().map((run) => run.run_id);
      this.#sql.exec("DELETE FROM events; DELETE FROM outbox; DELETE FROM runs;");
      this.#setMeta("erased_at", at);
      this.#setMeta("erasing", JSON.stringify(runIds));
      return runIds;
    });
  }

  /** Run ids whose records elsewhere are still to be removed; null when the erasure is complete or was never asked for. */
  erasing(): string[] | null {
    const value = this.getMeta("erasing");
    return value === null ? null : z.array(z.string()).parse(JSON.parse(value));
  }

  settleErasure(): void {
    this.#sql.exec("DELETE FROM meta WHERE key = 'erasing'");
  }
}

/** Twenty turns of eight calls, each recovered ten times, are under five thousand events. */
const maxEvents = 100_000;

function toStoredEvent(body: unknown): RunEvent {
  return RunEventSchema.parse(JSON.parse(z.string().parse(body)));
}

async function toDetail(column: unknown, fetchDetail: (key: string) => Promise<string>): Promise<EventDetail | null> {
  if (typeof column !== "string") {
    return null;
  }
  const stored: unknown = JSON.parse(column);
  const spilled = SpilledDetail.safeParse(stored);
  return spilled.success
    ? EventDetail.parse(JSON.parse(await fetchDetail(spilled.data.r2)))
    : InlineDetail.parse(stored).inline;
}
