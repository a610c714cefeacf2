// Views of one run's log: a page of it, or a stream that follows it. They read what is stored and change nothing.

import { isTerminal, type RunEvent } from "../src/agent/events.ts";
import type { EventWithCalls } from "../src/agent/shown-events.ts";
import { createEventStream, type EventSourceLog } from "../src/lib/sse.ts";
import type { LogEntry } from "../src/training/rollout-record.ts";
import type { RunFeed } from "./run-feed.ts";
import type { EventPage } from "./session-api.ts";
import type { RunRow } from "./run-table.ts";
import type { SessionStore } from "./session-store.ts";

/** Cuts a page of `limit` events off entries of which one more was read, where there is one. */
export function toPage(run: RunRow, events: EventPage["events"], limit: number): EventPage {
  const page = events.slice(0, limit);
  const hasMore = events.length > limit;
  const last = page.at(-1);
  const ended = !hasMore && (last === undefined ? run.ended_at !== null : isTerminal(last.type));
  return { events: page, hasMore, ended };
}

/** An event with the model calls behind it. */
export function withCalls({ event, detail }: LogEntry): EventWithCalls {
  const calls = detail?.calls ?? [];
  const call = calls.at(-1);
  return { ...event, ...(call === undefined ? {} : { call }), ...(calls.length > 1 ? { model_calls: calls } : {}) };
}

export interface StreamSource {
  readonly store: SessionStore;
  readonly run: RunRow;
  /** Of a run that goes on; null for one that has ended. */
  readonly feed: RunFeed | null;
  /** The reader has seen the events up to this number; 0 = none. */
  readonly after: number;
}

type EventReads = Pick<EventSourceLog<RunEvent>, "read" | "subscribe" | "isEnded">;

/** The log as it is stored, up to the first event that cannot be read. */
export function publicReads({ store, run, feed }: StreamSource): EventReads {
  return {
    read: (cursor, limit) => store.events.readSound(run.ordinal, cursor, limit),
    subscribe: (listener) => feed?.subscribe(listener) ?? (() => undefined),
    // A run that is no longer there was erased.
    isEnded: () => store.runs.find(run.run_id)?.ended_at !== null,
  };
}

export function openStream(source: StreamSource, reads: EventReads): ReadableStream<Uint8Array> {
  return createEventStream({
    ...reads,
    after: source.after,
    snapshot: () => source.feed?.snapshot() ?? null,
    startTimer: (delayMs, fire) => {
      const timer = setTimeout(fire, delayMs);
      return () => {
        clearTimeout(timer);
      };
    },
  });
}
