// The reads of a stream that shows the model calls behind its events. Such reads cannot wait, so a detail that lies
// in R2 is fetched when the reader comes to it, and the stream is told when it is there. One is held at a time.

import type { EventDetail, RunEvent } from "../src/agent/events.ts";
import type { EventWithCalls } from "../src/agent/shown-events.ts";
import { type EventTable, UnreadableLogError } from "./event-table.ts";
import type { Listener } from "./run-feed.ts";
import { publicReads, type StreamSource, withCalls } from "./run-reader.ts";
import { warn } from "./warn.ts";

export interface DetailedReaderDeps {
  readonly events: EventTable;
  readonly ordinal: number;
  readonly fetchDetail: (key: string) => Promise<EventDetail>;
  /** The event can be read now, or never. */
  readonly onFetched: (event: RunEvent) => void;
}

export class DetailedReader {
  readonly #deps: DetailedReaderDeps;
  #after = 0;
  #fetched: { readonly key: string; readonly detail: EventDetail } | null = null;
  #fetching: string | null = null;
  /** A fault of R2, or a row that cannot be read: the stream ends before that event, and its reader may come back. */
  #isBroken = false;

  constructor(deps: DetailedReaderDeps) {
    this.#deps = deps;
  }

  /** Events after `after`, at most `limit`, up to the first whose detail is not here yet. */
  read(after: number, limit: number): EventWithCalls[] {
    this.#after = after;
    const page: EventWithCalls[] = [];
    for (const { event, detail } of this.#isBroken ? [] : this.#stored(after, limit)) {
      const spilled = detail !== null && "r2" in detail ? detail.r2 : null;
      if (spilled !== null && spilled !== this.#fetched?.key) {
        if (page.length === 0) {
          this.#fetch(spilled, event);
        }
        break;
      }
      const inline = detail !== null && "inline" in detail ? detail.inline : null;
      page.push(withCalls({ event, detail: spilled === null ? inline : (this.#fetched?.detail ?? null) }));
    }
    return page;
  }

  /** Whether events may be left that the last read did not give: then the stream is not at its end. */
  isBehind(): boolean {
    return !this.#isBroken && this.#deps.events.hasSpilledAfter(this.#deps.ordinal, this.#after);
  }

  #stored(after: number, limit: number) {
    const { events, ordinal } = this.#deps;
    try {
      return events.readStored(ordinal, after, limit);
    } catch (error) {
      if (!(error instanceof UnreadableLogError)) {
        throw error;
      }
      this.#isBroken = error.seq === after + 1;
      return events.readStored(ordinal, after, error.seq - 1 - after);
    }
  }

  #fetch(key: string, event: RunEvent): void {
    if (this.#fetching !== null) {
      return;
    }
    this.#fetching = key;
    void this.#load(key, event);
  }

  async #load(key: string, event: RunEvent): Promise<void> {
    try {
      this.#fetched = { key, detail: await this.#deps.fetchDetail(key) };
    } catch (error) {
      warn(`the detail ${key} cannot be read`, error);
      this.#isBroken = true;
    }
    this.#fetching = null;
    this.#deps.onFetched(event);
  }
}

/** As `publicReads`, each module's event with its `call`, and `model_calls` where there were several. */
export function detailedReads(source: StreamSource, fetchDetail: DetailedReaderDeps["fetchDetail"]) {
  const plain = publicReads(source);
  const listeners = new Set<Listener>();
  const reader = new DetailedReader({
    events: source.store.events,
    ordinal: source.run.ordinal,
    fetchDetail,
    onFetched: (event) => {
      for (const listener of listeners) {
        listener({ kind: "appended", event });
      }
    },
  });
  return {
    read: (after: number, limit: number) => reader.read(after, limit),
    subscribe: (listener: Listener) => {
      const stop = plain.subscribe(listener);
      listeners.add(listener);
      return () => {
        stop();
        listeners.delete(listener);
      };
    },
    isEnded: () => plain.isEnded() && !reader.isBehind(),
  };
}
