// The events of a session's runs in its SQLite, each with its detail beside it. Details too large for a row lie in
// R2, and their row holds the key.

import type { EventDetail, NewEvent, RunEvent } from "../src/agent/events.ts";
import type { Reference } from "../src/agent/run-spec.ts";
import type { LogEntry } from "../src/training/rollout-record.ts";
import { type DetailColumn, isStoredDetail, isStoredEvent, type StoredDetail } from "./stored-shapes.ts";

export type PreparedEvent = { readonly event: NewEvent; readonly detail: DetailColumn | null };
export type StoredEvent = { readonly event: RunEvent; readonly detail: StoredDetail | null };

export class EventTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** `activeMs`: time with a loop alive that the run had counted when the event was appended. */
  insert(ordinal: number, event: RunEvent, activeMs: number, detail: DetailColumn | null): void {
    const row = [ordinal, event.seq, Math.round(activeMs), JSON.stringify(event), detail?.json ?? null];
    this.#sql.exec("INSERT INTO events VALUES (?, ?, ?, ?, ?)", ...row);
  }

  /** 0 for an empty log. */
  lastSeq(ordinal: number): number {
    return Number(this.#sql.exec("SELECT max(seq) AS seq FROM events WHERE ordinal = ?", ordinal).one()["seq"] ?? 0);
  }

  /** Counted milliseconds at the last append. */
  activeMs(ordinal: number): number {
    const row = this.#sql.exec("SELECT max(active_ms) AS active_ms FROM events WHERE ordinal = ?", ordinal).one();
    return Number(row["active_ms"] ?? 0);
  }

  /** Events after `after`, at most `limit`, as they were stored. */
  read(ordinal: number, after: number, limit: number): RunEvent[] {
    return this.#sql
      .exec("SELECT seq, body FROM events WHERE ordinal = ? AND seq > ? ORDER BY seq LIMIT ?", ordinal, after, limit)
      .toArray()
      .map((row) => toStoredEvent(row));
  }

  /** As `read`, up to the first event that cannot be read. */
  readSound(ordinal: number, after: number, limit: number): RunEvent[] {
    try {
      return this.read(ordinal, after, limit);
    } catch (error) {
      if (!(error instanceof UnreadableLogError)) {
        throw error;
      }
      return this.read(ordinal, after, error.seq - 1 - after);
    }
  }

  /** The number of the event right after `after` where that cannot be read; null where it can, or there is none. */
  unreadableAfter(ordinal: number, after: number): number | null {
    try {
      this.read(ordinal, after, 1);
      return null;
    } catch (error) {
      if (!(error instanceof UnreadableLogError)) {
        throw error;
      }
      return error.seq;
    }
  }

  /** Events with what their rows hold of their details; null where a detail is not `wanted`. */
  readStored(
    ordinal: number,
    after: number,
    limit: number,
    wanted: (event: RunEvent) => boolean = () => true,
  ): StoredEvent[] {
    return this.#sql
      .exec(
        "SELECT seq, body, detail FROM events WHERE ordinal = ? AND seq > ? ORDER BY seq LIMIT ?",
        ordinal,
        after,
        limit,
      )
      .toArray()
      .map((row) => {
        const event = toStoredEvent(row);
        return { event, detail: wanted(event) ? toStoredDetail(row["detail"], event.seq) : null };
      });
  }

  /** Events with their details (null where not `wanted`), all as they stand now; `fetchDetail` reads those in R2. */
  async readLog(
    ordinal: number,
    after: number,
    limit: number,
    fetchDetail: (key: string) => Promise<EventDetail>,
    wanted: (event: RunEvent) => boolean = () => true,
  ): Promise<LogEntry[]> {
    const entries: LogEntry[] = [];
    for (const { event, detail } of this.readStored(ordinal, after, limit, wanted)) {
      const isSpilled = detail !== null && "r2" in detail;
      entries.push({ event, detail: isSpilled ? await fetchDetail(detail.r2) : (detail?.inline ?? null) });
    }
    return entries;
  }

  /** What the run is scored against, from the detail of its creation. */
  reference(ordinal: number): Reference | null {
    const [created] = this.readStored(ordinal, 0, 1);
    const detail = created?.detail ?? null;
    return detail !== null && "inline" in detail ? (detail.inline.reference ?? null) : null;
  }

  /** Whether an event after `after` has its detail in R2. */
  hasSpilledAfter(ordinal: number, after: number): boolean {
    const spilled = "SELECT 1 FROM events WHERE ordinal = ? AND seq > ? AND substr(detail, 1, 6) = '{\"r2\":' LIMIT 1";
    return this.#sql.exec(spilled, ordinal, after).toArray().length > 0;
  }
}

/** A row that this version cannot read, after a rollback perhaps: no retry will make it readable. */
export class UnreadableLogError extends Error {
  /** The number of the event. */
  readonly seq: number;

  constructor(message: string, seq: number, options?: ErrorOptions) {
    super(message, options);
    this.name = "UnreadableLogError";
    this.seq = seq;
  }
}

function toStoredEvent(row: Record<string, SqlStorageValue>): RunEvent {
  const value = parseJson(row["body"]);
  if (!isStoredEvent(value)) {
    throw new UnreadableLogError("an event's row cannot be read", Number(row["seq"]));
  }
  return value;
}

function toStoredDetail(column: unknown, seq: number): StoredDetail | null {
  if (column === null) {
    return null;
  }
  const value = parseJson(column);
  if (!isStoredDetail(value)) {
    throw new UnreadableLogError("a detail's row cannot be read", seq);
  }
  return value;
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
