// What can be read of a session: a run as it stands, its events, its record, and the list of its runs. Everything
// that travels in one reply is cut to size, because an RPC carries 32 MiB and an isolate has 128 MB.

import { UnreadableLogError } from "./event-table.ts";
import type { RunEvent } from "../src/agent/events.ts";
import type { RunObject } from "../src/agent/run-object.ts";
import type { RunState } from "../src/agent/run-state.ts";
import { toRunObject } from "../src/agent/to-run-object.ts";
import { isRecorded, type LogEntry, projectRecord, type RolloutRecord } from "../src/training/rollout-record.ts";
import { firstState } from "./deliver-end.ts";
import { detailedReads } from "./detailed-reader.ts";
import { fetchDetail, UnreadableDetailError } from "./details.ts";
import { foldLog } from "./fold-log.ts";
import type { RunFeed } from "./run-feed.ts";
import { openStream, publicReads, toPage, withCalls } from "./run-reader.ts";
import type { EventPage, Found, SessionObject, SessionPage, StreamOutcome } from "./session-api.ts";
import type { RunRow } from "./run-table.ts";
import type { SessionStore } from "./session-store.ts";
import { toUnreadableRun } from "./unreadable-run.ts";

export interface SessionReadsHost {
  readonly store: SessionStore;
  readonly bucket: R2Bucket;
  readonly feed: (run: RunRow) => RunFeed;
}

/** Events with their calls, as JSON: a quarter of what an RPC carries, since one event more than this may follow. */
const maxPageChars = 8_000_000;
/** A character takes up to three bytes, and numbers take eight in an RPC whose JSON has two. */
const maxRecordChars = 6_000_000;
export const maxListedRuns = 100;
/** A session's list shows the beginning of long texts; the run itself has them whole. */
const maxListedChars = 500;

export class SessionReads {
  readonly #host: SessionReadsHost;

  constructor(host: SessionReadsHost) {
    this.#host = host;
  }

  /** Throws UnreadableLogError for a log that this version cannot read. */
  state(run: RunRow): RunState {
    const state = this.#host.store.readState(run.ordinal);
    if (state === null) {
      throw new Error(`${run.run_id} has a row and no log`);
    }
    return state;
  }

  /** A run whose log cannot be read is shown by its row. */
  run(run: RunRow): RunObject {
    try {
      return toRunObject(this.state(run));
    } catch (error) {
      if (!(error instanceof UnreadableLogError)) {
        throw error;
      }
      const { store } = this.#host;
      return toUnreadableRun(run, store.meta.get("session_id") ?? "", firstState(store, run.ordinal));
    }
  }

  /** Shorter than `limit` where its events are large. It ends before one that cannot be read, or is none. */
  page(run: RunRow, after: number, limit: number): Found<EventPage> {
    const { events } = this.#host.store;
    const sound = events.readSound(run.ordinal, after, limit + 1);
    const seq = sound.length > limit ? null : events.unreadableAfter(run.ordinal, sound.at(-1)?.seq ?? after);
    if (seq === null) {
      return { kind: "found", value: toPage(run, sound, Math.min(limit, countFitting(sound))) };
    }
    return sound.length === 0
      ? { kind: "unreadable", seq }
      : { kind: "found", value: { events: sound.slice(0, countFitting(sound)), hasMore: true, ended: false } };
  }

  /** As `page`, with the calls, and shorter than `limit` where they are large. */
  async detailedPage(run: RunRow, after: number, limit: number): Promise<Found<EventPage>> {
    const page: EventPage["events"] = [];
    const last = (): number => page.at(-1)?.seq ?? after;
    for (let chars = 0; page.length < limit && chars < maxPageChars;) {
      const entry = await this.#entryAfter(run, last());
      if (entry === null) {
        return { kind: "found", value: toPage(run, page, page.length) };
      }
      if ("seq" in entry) {
        const cut = { events: page, hasMore: true, ended: false };
        return page.length === 0 ? { kind: "unreadable", seq: entry.seq } : { kind: "found", value: cut };
      }
      const event = withCalls(entry);
      page.push(event);
      chars += JSON.stringify(event).length;
    }
    const hasMore = this.#host.store.lastSeq(run.ordinal) > last();
    return { kind: "found", value: hasMore ? { events: page, hasMore, ended: false } : toPage(run, page, page.length) };
  }

  /** The event right after `after` with its calls, or its number where it cannot be read; null where there is none. */
  async #entryAfter(run: RunRow, after: number): Promise<LogEntry | { readonly seq: number } | null> {
    try {
      const [entry] = await this.#host.store.events.readLog(run.ordinal, after, 1, this.#fetchDetail);
      return entry ?? null;
    } catch (error) {
      return unreadableAt(error, after + 1);
    }
  }

  async stream(run: RunRow, after: number, detail: "public" | "full"): Promise<StreamOutcome> {
    const { store } = this.#host;
    const first = detail === "full" ? await this.#entryAfter(run, after) : null;
    const seq = first !== null && "seq" in first ? first.seq : store.events.unreadableAfter(run.ordinal, after);
    if (seq !== null) {
      return { kind: "unreadable", seq };
    }
    // R2 was waited for, and the run may have ended meanwhile.
    const current = store.runs.findByOrdinal(run.ordinal) ?? run;
    if (current.ended_at !== null && store.events.read(run.ordinal, after, 1).length === 0) {
      return { kind: "drained" };
    }
    const source = { store, run: current, feed: current.ended_at === null ? this.#host.feed(current) : null, after };
    const reads = detail === "full" ? detailedReads(source, this.#fetchDetail) : publicReads(source);
    return { kind: "stream", body: openStream(source, reads) };
  }

  async record(run: RunRow): Promise<Found<Record<string, unknown>>> {
    let record: RolloutRecord | null;
    try {
      const log = await this.recordedLog(run.ordinal);
      const state = foldLog(log.map((entry) => entry.event));
      record = state === null ? null : projectRecord(state, log);
    } catch (error) {
      return { kind: "unreadable", ...unreadableAt(error, null) };
    }
    if (record === null) {
      return { kind: "unknown" };
    }
    const chars = record.turns.reduce((sum, turn) => sum + JSON.stringify(turn).length, 0);
    return { kind: "found", value: { ...record, turns: chars > maxRecordChars ? null : record.turns } };
  }

  /** A whole log, with the details that a record is made of. */
  recordedLog(ordinal: number): Promise<LogEntry[]> {
    return this.#host.store.events.readLog(ordinal, 0, Number.MAX_SAFE_INTEGER, this.#fetchDetail, isRecorded);
  }

  /** Null for a session that never was. */
  session({ after, limit }: SessionPage): SessionObject | null {
    const { store } = this.#host;
    const id = store.meta.get("session_id");
    if (id === null) {
      return null;
    }
    const size = Math.min(limit, maxListedRuns);
    const rows = store.runs.list(after, size + 1);
    const runs = rows.slice(0, size).map(toListedRun);
    return { id, created_at: store.meta.get("created_at") ?? "", runs, has_more: rows.length > size };
  }

  readonly #fetchDetail = (key: string) => fetchDetail(this.#host.bucket, key);
}

/** How many of the events, at least one, make a page of bounded size. */
function countFitting(events: readonly RunEvent[]): number {
  let chars = 0;
  const tooMany = events.findIndex((event, index) => {
    chars += JSON.stringify(event).length;
    return index > 0 && chars > maxPageChars;
  });
  return tooMany === -1 ? events.length : tooMany;
}

/** Throws what is no unreadable log. A detail does not say whose it is. */
function unreadableAt<S extends number | null>(error: unknown, seq: S): { readonly seq: number | S } {
  if (error instanceof UnreadableLogError) {
    return { seq: error.seq };
  }
  if (error instanceof UnreadableDetailError) {
    return { seq };
  }
  throw error;
}

function toListedRun(row: RunRow): SessionObject["runs"][number] {
  const { run_id: id, status, query, answer, created_at, ended_at } = row;
  const brief = (text: string): string => text.slice(0, maxListedChars).toWellFormed();
  return { id, status, query: brief(query), answer: answer === null ? null : brief(answer), created_at, ended_at };
}
