// The events of a batch in its SQLite, numbered from 1 without a gap, and those who follow them. It refuses nothing:
// that the terminal event is the last is seen to where events are made.

import * as z from "zod";
import type { StreamNews } from "../src/lib/sse.ts";
import { createEventStream } from "../src/lib/sse.ts";
import { type BatchEvent, BatchEventSchema, type NewBatchEvent } from "../src/training/batch-events.ts";
import type { BatchStorage } from "./batch-schema.ts";

const EventRow = z.object({
  body: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(BatchEventSchema),
});

type Listener = (news: StreamNews<BatchEvent>) => void;

export class BatchLog {
  readonly #storage: BatchStorage;
  readonly #listeners = new Set<Listener>();

  constructor(storage: BatchStorage) {
    this.#storage = storage;
  }

  /** Inside the transaction of the change that it reports; `tell` follows once that is done. */
  append(batchId: string, at: string, event: NewBatchEvent): BatchEvent {
    const last = this.#storage.sql.exec("SELECT max(seq) AS seq FROM events").one()["seq"];
    const stored = BatchEventSchema.parse({ ...event, seq: Number(last ?? 0) + 1, batch_id: batchId, at });
    this.#storage.sql.exec("INSERT INTO events VALUES (?, ?)", stored.seq, JSON.stringify(stored));
    return stored;
  }

  tell(events: readonly BatchEvent[]): void {
    for (const event of events) {
      for (const listener of this.#listeners) {
        listener({ kind: "appended", event });
      }
    }
  }

  /** Events after `after`, at most `limit`. */
  read(after: number, limit: number): BatchEvent[] {
    return this.#storage.sql
      .exec("SELECT body FROM events WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
      .toArray()
      .map((row) => EventRow.parse(row).body);
  }

  stream(after: number, isEnded: () => boolean): ReadableStream<Uint8Array> {
    return createEventStream<BatchEvent>({
      after,
      read: (cursor, limit) => this.read(cursor, limit),
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => {
          this.#listeners.delete(listener);
        };
      },
      snapshot: () => null,
      isEnded,
      startTimer: (delayMs, fire) => {
        const timer = setTimeout(fire, delayMs);
        return () => {
          clearTimeout(timer);
        };
      },
    });
  }
}
