// Server-sent events out: the encoder, and a stream that follows a log. The stream pulls from the log, so a slow
// reader costs no memory: durable events wait where they are stored and only deltas are buffered, up to a bound.
// It never decides what is true: closing it changes nothing, and it ends only when the log has.

const encoder = new TextEncoder();

/** Proxies and clients give up on a silent connection after 30 to 60 s. */
const heartbeatMs = 15_000;
/** DESIGN section 5: a slow reader misses deltas beyond this. */
const maxDeltaBytes = 65_536;
/** A stored event may hold a tool result of 64 KB; sixteen stay near 1 MB. */
const pageEvents = 16;

export interface SseMessage {
  readonly id?: string;
  readonly event: string;
  /** Sent as one JSON text, whose line breaks are escaped by JSON itself. */
  readonly data: unknown;
}

// A line break inside a field would end it and start another.
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]+/g, " ");
}

export function encodeEvent(message: SseMessage): Uint8Array {
  const id = message.id === undefined ? "" : `id: ${oneLine(message.id)}\n`;
  return encoder.encode(`${id}event: ${oneLine(message.event)}\ndata: ${JSON.stringify(message.data)}\n\n`);
}

/** What the stream must know of a stored event; RunEvent fits. */
export interface LoggedEvent {
  readonly seq: number;
  readonly type: string;
  /** On `step.retried`: whose deltas are void. */
  readonly role?: string | null;
}

/** A piece of text on its way; it has no number and is lost with the connection. */
export interface EventDelta {
  readonly type: "plan.delta" | "answer.delta";
  readonly run_id: string;
  readonly turn: number | null;
  readonly at: string;
  readonly text: string;
  /** On `answer.delta`: which output is written. */
  readonly output?: string;
}

/** The text so far of the reply being generated. */
export interface EventSnapshot {
  readonly type: "snapshot";
  /** The type of the deltas that continue this text. */
  readonly of: EventDelta["type"];
  readonly run_id: string;
  readonly turn: number | null;
  readonly at: string;
  readonly text: string;
  readonly output?: string;
}

export type StreamNews<E extends LoggedEvent> =
  | { readonly kind: "appended"; readonly event: E }
  /** `after` is the number of the log's last event when the delta came. */
  | { readonly kind: "delta"; readonly after: number; readonly delta: EventDelta };

export interface EventSourceLog<E extends LoggedEvent = LoggedEvent> {
  /** The reader has seen the events up to this number; 0 = none. */
  readonly after: number;
  /** Events with a number above `after`, in order, at most `limit`. */
  read(after: number, limit: number): readonly E[];
  /** Calls the listener, synchronously, for each append (after it is readable) and each delta. */
  subscribe(listener: (news: StreamNews<E>) => void): () => void;
  /** What is being generated now, all its deltas so far included; null when nothing is. */
  snapshot(): EventSnapshot | null;
  /** The log has its terminal event. */
  isEnded(): boolean;
  /** Runs `fire` once after `delayMs`; the returned function stops it. */
  startTimer(delayMs: number, fire: () => void): () => void;
}

const deltaRole = { "plan.delta": "planner", "answer.delta": "generator" } as const;

interface BufferedDelta {
  readonly after: number;
  readonly role: string;
  readonly bytes: Uint8Array;
}

/**
 * Deltas that one reader has not fetched yet. Until the reader has caught up with the log, and again after an
 * overflow, nothing is buffered: the next snapshot holds the text anyway.
 */
class DeltaBuffer {
  #deltas: BufferedDelta[] = [];
  #bytes = 0;
  #isBehind = true;

  get isBehind(): boolean {
    return this.#isBehind;
  }

  caughtUp(): void {
    this.#isBehind = false;
  }

  add(after: number, delta: EventDelta): void {
    if (this.#isBehind) {
      return;
    }
    const bytes = encodeEvent({ event: delta.type, data: delta });
    if (this.#bytes + bytes.byteLength > maxDeltaBytes) {
      this.#replace([]);
      this.#isBehind = true;
      return;
    }
    this.#deltas.push({ after, role: deltaRole[delta.type], bytes });
    this.#bytes += bytes.byteLength;
  }

  /** The deltas of `role` were pieces of a try that failed. */
  voidRole(role: string): void {
    this.#replace(this.#deltas.filter((delta) => delta.role !== role));
  }

  /** The number of the event that the oldest delta follows; null when there is none. */
  oldestAfter(): number | null {
    return this.#deltas[0]?.after ?? null;
  }

  /** Removes and returns the deltas that belong before the event after `seq`. */
  takeThrough(seq: number): Uint8Array[] {
    const taken = this.#deltas.filter((delta) => delta.after <= seq);
    this.#replace(this.#deltas.filter((delta) => delta.after > seq));
    return taken.map((delta) => delta.bytes);
  }

  #replace(deltas: BufferedDelta[]): void {
    this.#deltas = deltas;
    this.#bytes = deltas.reduce((sum, delta) => sum + delta.bytes.byteLength, 0);
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.byteLength;
  }
  return joined;
}

/** The next bytes for one reader, or null when there are none now. Moves the cursor. */
function createFollower<E extends LoggedEvent>(log: EventSourceLog<E>, deltas: DeltaBuffer) {
  let cursor = log.after;

  function nextEvents(): Uint8Array | null {
    const barrier = deltas.oldestAfter();
    const page = log.read(cursor, pageEvents).filter((event) => barrier === null || event.seq <= barrier);
    if (page.length === 0) {
      return null;
    }
    cursor = page.at(-1)?.seq ?? cursor;
    return concat(page.map((event) => encodeEvent({ id: String(event.seq), event: event.type, data: event })));
  }

  function nextSnapshot(): Uint8Array | null {
    if (!deltas.isBehind) {
      return null;
    }
    deltas.caughtUp();
    const snapshot = log.snapshot();
    return snapshot === null ? null : encodeEvent({ event: snapshot.type, data: snapshot });
  }

  return {
    next(): Uint8Array | null {
      const due = deltas.takeThrough(cursor);
      return due.length > 0 ? concat(due) : (nextEvents() ?? nextSnapshot());
    },
    isDone: (): boolean => log.isEnded() && log.read(cursor, 1).length === 0,
  };
}

/** A byte stream (what Workers RPC can carry) of the log after `log.after`: what is stored, then live, to its end. */
export function createEventStream<E extends LoggedEvent>(log: EventSourceLog<E>): ReadableStream<Uint8Array> {
  const deltas = new DeltaBuffer();
  const follower = createFollower(log, deltas);
  let wake: ((why: "news" | "heartbeat" | "closed") => void) | null = null;

  const unsubscribe = log.subscribe((news) => {
    if (news.kind === "delta") {
      deltas.add(news.after, news.delta);
    } else if (news.event.type === "step.retried" && typeof news.event.role === "string") {
      deltas.voidRole(news.event.role);
    }
    wake?.("news");
  });

  async function waitForNews(): Promise<"news" | "heartbeat" | "closed"> {
    const { promise, resolve } = Promise.withResolvers<"news" | "heartbeat" | "closed">();
    const stopTimer = log.startTimer(heartbeatMs, () => resolve("heartbeat"));
    wake = resolve;
    const why = await promise;
    wake = null;
    stopTimer();
    return why;
  }

  function finish(controller: ReadableByteStreamController): void {
    unsubscribe();
    controller.close();
    // A pending BYOB read is settled only by an answer of its own.
    controller.byobRequest?.respond(0);
  }

  async function pull(controller: ReadableByteStreamController): Promise<void> {
    for (;;) {
      const bytes = follower.next();
      if (bytes !== null) {
        controller.enqueue(bytes);
      }
      if (follower.isDone()) {
        finish(controller);
        return;
      }
      if (bytes !== null) {
        return;
      }
      const why = await waitForNews();
      if (why === "closed") {
        return;
      }
      if (why === "heartbeat") {
        controller.enqueue(encoder.encode(": ka\n\n"));
        return;
      }
    }
  }

  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        await pull(controller);
      } catch (error) {
        unsubscribe();
        throw error;
      }
    },
    cancel() {
      unsubscribe();
      wake?.("closed");
    },
  });
}
