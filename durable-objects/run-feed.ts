// The live side of one run: who listens, and the text that is being generated now. It holds nothing that the log
// does not repeat; after an eviction readers simply read on from SQLite.

import type { Delta } from "../src/agent/deps.ts";
import type { RunEvent } from "../src/agent/events.ts";
import type { EventDelta, EventSnapshot, StreamNews } from "../src/lib/sse.ts";

export type Listener = (news: StreamNews<RunEvent>) => void;

export class RunFeed {
  readonly #runId: string;
  readonly #listeners = new Set<Listener>();
  #snapshot: EventSnapshot | null = null;
  #lastSeq: number;

  /** `lastSeq`: the number of the log's last event so far. */
  constructor(runId: string, lastSeq: number) {
    this.#runId = runId;
    this.#lastSeq = lastSeq;
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  snapshot(): EventSnapshot | null {
    return this.#snapshot;
  }

  appended(events: readonly RunEvent[]): void {
    for (const event of events) {
      this.#lastSeq = event.seq;
      // Any durable event ends the text under way: it was completed, retried, or belongs to a run that ended.
      this.#snapshot = null;
      this.#tell({ kind: "appended", event });
    }
  }

  delta({ type, turn, output, text }: Delta, nowMs: number): void {
    const at = new Date(nowMs).toISOString();
    const where = { run_id: this.#runId, turn, at, ...(output === null ? {} : { output }) };
    const before = this.#snapshot?.text ?? "";
    this.#snapshot = { type: "snapshot", of: type, ...where, text: before + text };
    const delta: EventDelta = { type, ...where, text };
    this.#tell({ kind: "delta", after: this.#lastSeq, delta });
  }

  #tell(news: StreamNews<RunEvent>): void {
    for (const listener of this.#listeners) {
      listener(news);
    }
  }
}
