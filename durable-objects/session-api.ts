// What the HTTP layer may ask of a session's object: types only, so that both sides and the tests share them.
// RPC methods stay backward compatible, for a deploy runs two versions side by side for minutes.

import type { RunObject } from "../src/agent/run-object.ts";
import type { Reference, RunSpec } from "../src/agent/run-spec.ts";
import type { EventWithCalls } from "../src/agent/shown-events.ts";

/**
 * An id may name nothing, or something that was erased (410), or a log whose event `seq` (null = one of them) cannot be
 * read (409).
 */
export type Found<T> =
  | { kind: "found"; value: T }
  | { kind: "unknown" }
  | { kind: "gone" }
  | { kind: "unreadable"; seq: number | null };

export interface StartRun {
  tenant: string;
  sessionId: string;
  /** The session must exist already (the caller named it), or must be new or reached by the same key. */
  session: "existing" | "new";
  spec: Omit<RunSpec, "session_id">;
  reference: Reference | null;
  /** Hex SHA-256 of the key and of the request's body; the object keeps them for 24 h. */
  idempotency: { keyHash: string; bodyHash: string } | null;
}

export type StartOutcome =
  | { kind: "started"; run: RunObject }
  /** The same key and body came before: its run as it stands. */
  | { kind: "replayed"; run: RunObject }
  /** The same key came before with another body. */
  | { kind: "key_reused" }
  /** Too many runs wait in this session already. */
  | { kind: "queue_full"; waiting: number }
  | { kind: "unknown_session" }
  | { kind: "gone" };

export interface EventPage {
  events: EventWithCalls[];
  /** There are more events after this page. */
  hasMore: boolean;
  /** The run has ended, and this page reaches its terminal event. */
  ended: boolean;
}

export interface SessionObject {
  id: string;
  created_at: string;
  /** Oldest first. */
  runs: {
    id: string;
    status: RunObject["status"];
    query: string;
    answer: string | null;
    created_at: string;
    ended_at: string | null;
  }[];
  /** There are more runs after these. */
  has_more: boolean;
}

/** `after`: the id of the last run that was seen; null = from the first. */
export interface SessionPage {
  after: string | null;
  limit: number;
}

export type StreamOutcome =
  /** Bytes of `text/event-stream`, from the event after `after` on, then live, ended after the terminal event. */
  | { kind: "stream"; body: ReadableStream<Uint8Array> }
  /** The run has ended and the reader has its last event: answer 204. */
  | { kind: "drained" }
  | { kind: "unknown" }
  | { kind: "gone" }
  /** The event right after `after` cannot be read. A stream that comes to such an event later ends before it. */
  | { kind: "unreadable"; seq: number | null };

export interface EraseOutcome {
  /** Ids of the runs that were erased. */
  run_ids: string[];
}

export interface SessionApi {
  startRun(input: StartRun): Promise<StartOutcome>;
  getRun(runId: string): Promise<Found<RunObject>>;
  /** Resolves when the run has ended. The caller re-attaches if the object was reset meanwhile. */
  waitForEnd(runId: string): Promise<Found<RunObject>>;
  /** With `full`, a page may be shorter than `limit`: it is cut where it grows too large for one reply. */
  readEvents(runId: string, after: number, limit: number, detail: "public" | "full"): Promise<Found<EventPage>>;
  /** With `full`, each module's event carries its `call` and `model_calls`, as in `readEvents`. */
  streamEvents(runId: string, after: number, detail: "public" | "full"): Promise<StreamOutcome>;
  cancelRun(runId: string): Promise<Found<RunObject>>;
  /**
   * The rollout record, projected from the log; for a run that has not ended, `ended_at` is null. A record that is too
   * large for a reply comes with `turns: null`: the whole of it is in R2 once the run's end has been delivered.
   */
  getRecord(runId: string): Promise<Found<Record<string, unknown>>>;
  /** At most a hundred runs, whatever the limit. */
  getSession(page?: SessionPage): Promise<Found<SessionObject>>;
  erase(): Promise<Found<EraseOutcome>>;
  /** From the cron: arms the object again if it lost its alarm. */
  wake(): Promise<void>;
}
