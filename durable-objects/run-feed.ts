// The live side of one run: who listens, and the text that is being generated now. It holds nothing that the log
// does not repeat; after an eviction readers simply read on from SQLite.

import type { Delta } from "../src/agent/deps.ts";
import { isTerminal, type RunEvent } from "../src/agent/events.ts";
import type { EventDelta, EventSnapshot, StreamNews } from "../src/lib/sse.ts";

export type Listener = (news: StreamNews<RunEvent>) => void;

/** The text so far of the reply that is being generated. */
interface Writing {
  readonly of: Pick<Delta, "type" | "turn" | "output">;
  readonly text: string;
  /** Of the last piece, milliseconds since the epoch. */
  readonly nowMs: number;
}

export class RunFeed {
  readonly #runId: string;
  readonly #listeners = new Set<Listener>();
  readonly #end = Promise.withResolvers<void>();
  #writing: Writing | null = null;
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

  /** Resolves when the run's terminal event is appended; never for a run that had ended before. */
  get ended(): Promise<void> {
    return this.#end.promise;
  }

  snapshot(): EventSnapshot | null {
    if (this.#writing === null) {
      return null;
    }
    const { of, text, nowMs } = this.#writing;
    return { type: "snapshot", of: of.type, ...this.#where(of, nowMs), text };
  }

  appended(events: readonly RunEvent[]): void {
    for (const event of events) {
      this.#lastSeq = event.seq;
      // Any durable event ends the text under way: it was completed, retried, or belongs to a run that ended.
      this.#writing = null;
      this.#tell({ kind: "appended", event });
      if (isTerminal(event.type)) {
        this.#end.resolve();
      }
    }
  }

  delta(piece: Delta, nowMs: number): void {
    this.#writing = { of: piece, text: (this.#writing?.text ?? "") + piece.text, nowMs };
    // Most runs have no viewer, and pieces come by the hundred.
    if (this.#listeners.size > 0) {
      const delta: EventDelta = { type: piece.type, ...this.#where(piece, nowMs), text: piece.text };
      this.#tell({ kind: "delta", after: this.#lastSeq, delta });
    }
  }

  #where({ turn, output }: Writing["of"], nowMs: number) {
    const at = new Date(nowMs).toISOString();
    return { run_id: this.#runId, turn, at, ...(output === null ? {} : { output }) };
  }

  #tell(news: StreamNews<RunEvent>): void {
    for (const listener of this.#listeners) {
      listener(news);
    }
  }
}
