// What can be read of a session: a run as it stands, its events, its record, and the list of its runs. Everything
// that travels in one reply is cut to size, because an RPC carries 32 MiB and an isolate has 128 MB.

import { UnreadableLogError } from "./event-table.ts";
import type { RunObject } from "../src/agent/run-object.ts";
import type { RunState } from "../src/agent/run-state.ts";
import { toRunObject } from "../src/agent/to-run-object.ts";
import type { LogEntry } from "../src/training/rollout-record.ts";
import { isRecorded, toRolloutRecord } from "../src/training/rollout-record.ts";
import { firstState } from "./deliver-end.ts";
import { detailedReads } from "./detailed-reader.ts";
import { fetchDetail } from "./details.ts";
import type { RunFeed } from "./run-feed.ts";
import { openStream, publicReads, toPage, withCalls } from "./run-reader.ts";
import type { EventPage, Found, SessionObject, SessionPage, StreamOutcome } from "./session-api.ts";
import type { RunRow, SessionStore } from "./session-store.ts";
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
      return toUnreadableRun(run, store.getMeta("session_id") ?? "", firstState(store, run.ordinal));
    }
  }

  page(run: RunRow, after: number, limit: number): EventPage {
    return toPage(run, this.#host.store.events.read(run.ordinal, after, limit + 1), limit);
  }

  /** A page of events with their calls, shorter than `limit` where they are large. */
  async detailedPage(run: RunRow, after: number, limit: number): Promise<EventPage> {
    const { events } = this.#host.store;
    const page: EventPage["events"] = [];
    let chars = 0;
    while (page.length < limit && chars < maxPageChars) {
      const [entry] = await events.readLog(run.ordinal, page.at(-1)?.seq ?? after, 1, this.#fetchDetail);
      if (entry === undefined) {
        break;
      }
      const event = withCalls(entry);
      page.push(event);
      chars += JSON.stringify(event).length;
    }
    const [more] = events.read(run.ordinal, page.at(-1)?.seq ?? after, 1);
    return toPage(run, more === undefined ? page : [...page, more], page.length);
  }

  stream(run: RunRow, after: number, detail: "public" | "full"): StreamOutcome {
    const { store } = this.#host;
    if (run.ended_at !== null && store.events.read(run.ordinal, after, 1).length === 0) {
      return { kind: "drained" };
    }
    const source = { store, run, feed: run.ended_at === null ? this.#host.feed(run) : null, after };
    const reads = detail === "full" ? detailedReads(source, this.#fetchDetail) : publicReads(source);
    return { kind: "stream", body: openStream(source, reads) };
  }

  async record(run: RunRow): Promise<Found<Record<string, unknown>>> {
    const record = toRolloutRecord(await this.recordedLog(run.ordinal));
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
    const id = store.getMeta("session_id");
    if (id === null) {
      return null;
    }
    const size = Math.min(limit, maxListedRuns);
    const rows = store.runs(after, size + 1);
    const runs = rows.slice(0, size).map(toListedRun);
    return { id, created_at: store.getMeta("created_at") ?? "", runs, has_more: rows.length > size };
  }

  readonly #fetchDetail = (key: string) => fetchDetail(this.#host.bucket, key);
}

function toListedRun(row: RunRow): SessionObject["runs"][number] {
  const { run_id: id, status, query, answer, created_at, ended_at } = row;
  const brief = (text: string): string => text.slice(0, maxListedChars).toWellFormed();
  return { id, status, query: brief(query), answer: answer === null ? null : brief(answer), created_at, ended_at };
}
