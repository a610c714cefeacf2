// Reads the body of a reply under its caps: whole, or as the events of a stream. It reads the bytes itself instead
// of leaving that to the SDK, whose decoder has no limits; every way of stopping lets go of the connection.

import { createParser } from "eventsource-parser";
import type { Clock } from "../clock.ts";

/** How a body ended. `left`: the visitor had enough; `broken`: the connection gave way. */
export type Ended =
  | { readonly how: "complete" | "left" | "too_large" | "aborted" }
  | { readonly how: "broken"; readonly cause: unknown };

export interface Caps {
  /** Bytes of a body held as a whole, and characters of one event. */
  readonly held: number;
  /** Bytes of a whole stream, framing included. */
  readonly stream: number;
}

const COMPLETE: Ended = { how: "complete" };

type Chunks = ReadableStreamDefaultReader<Uint8Array>;

/** What a visitor says to a piece: go on, or that it has had enough, of a body that ends here or of one that may not. */
type Visited = "more" | "end" | "enough";

/** Calls `visit` with each chunk while it wants more. `rest`: reads on where the end is a moment away. */
async function readChunks(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
  visit: (chunk: Uint8Array) => Visited,
  rest: ((reader: Chunks) => void) | null = null,
): Promise<Ended> {
  if (body === null) {
    return COMPLETE;
  }
  const reader = body.getReader();
  // Not every body listens to the signal of its fetch; a cancelled reader ends the read that is waiting.
  const onAbort = () => letGo(reader);
  signal.addEventListener("abort", onAbort, { once: true });
  let isDone = false;
  try {
    const { ended, visited } = await visitChunks(reader, maxBytes, signal, visit);
    // A body that was read to its end has let go by itself, and cancelling it would cost as much as reading it.
    isDone = ended.how === "complete";
    if (visited === "end" && rest !== null) {
      isDone = true;
      rest(reader);
    }
    return ended;
  } finally {
    signal.removeEventListener("abort", onAbort);
    if (!isDone) {
      letGo(reader);
    }
  }
}

function letGo(reader: Chunks): void {
  void reader.cancel().catch(() => undefined);
}

async function visitChunks(
  reader: Chunks,
  maxBytes: number,
  signal: AbortSignal,
  visit: (chunk: Uint8Array) => Visited,
): Promise<{ readonly ended: Ended; readonly visited: Visited }> {
  let total = 0;
  while (!signal.aborted) {
    const next = await readNext(reader);
    if (signal.aborted) {
      break;
    }
    if (next.how !== "chunk") {
      return { ended: next, visited: "more" };
    }
    total += next.chunk.byteLength;
    if (total > maxBytes) {
      return { ended: { how: "too_large" }, visited: "enough" };
    }
    const visited = visit(next.chunk);
    if (visited !== "more") {
      return { ended: { how: "left" }, visited };
    }
  }
  return { ended: { how: "aborted" }, visited: "enough" };
}

type Next = Ended | { readonly how: "chunk"; readonly chunk: Uint8Array };

/** Only what the connection throws is caught: a visitor that throws is a bug, and its own. */
function readNext(reader: Chunks): Promise<Next> {
  return reader.read().then(
    ({ done, value }) => (done ? COMPLETE : { how: "chunk", chunk: value }),
    (cause: unknown) => ({ how: "broken", cause }),
  );
}

/** The text so far, also where the body did not end well. */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly ended: Ended }> {
  const decoder = new TextDecoder();
  let text = "";
  const visit = (chunk: Uint8Array) => {
    text += decoder.decode(chunk, { stream: true });
    return "more" as const;
  };
  const ended = await readChunks(body, maxBytes, signal, visit);
  return { text: text + decoder.decode(), ended };
}

export interface StreamVisitor {
  /** The data of one event. */
  onData(data: string): Visited;
  /** The data of a last event that no blank line closed. */
  onRest(data: string): void;
}

/**
 * After `[DONE]` the end of the body is a moment away; having seen it, the connection can serve the next call. The moment
 * is long in an isolate that is busy with a thousand runs. The reply does not wait for it.
 */
const LINGER_MS = 1000;

function readRest(reader: Chunks, after: Clock["after"]): void {
  const stop = after(LINGER_MS, () => {
    letGo(reader);
  });
  const read = async () => {
    const next = await readNext(reader);
    stop();
    if (next.how !== "complete") {
      letGo(reader);
    }
  };
  void read();
}

export async function readEvents(
  body: ReadableStream<Uint8Array> | null,
  caps: Caps,
  signal: AbortSignal,
  clock: Pick<Clock, "after">,
  visitor: StreamVisitor,
): Promise<Ended> {
  const decoder = new TextDecoder();
  const state: { visited: Visited; isTooLarge: boolean; isRest: boolean } = {
    visited: "more",
    isTooLarge: false,
    isRest: false,
  };
  const parser = createParser({
    maxBufferSize: caps.held,
    onEvent({ data }) {
      if (state.isRest) {
        visitor.onRest(data);
      } else if (state.visited === "more") {
        state.visited = visitor.onData(data);
      }
    },
    onError(error) {
      state.isTooLarge ||= error.type === "max-buffer-size-exceeded";
    },
  });
  const visit = (chunk: Uint8Array) => {
    parser.feed(decoder.decode(chunk, { stream: true }));
    return state.isTooLarge ? "enough" : state.visited;
  };
  const ended = await readChunks(body, caps.stream, signal, visit, (reader) => {
    readRest(reader, clock.after);
  });
  if (state.isTooLarge) {
    return { how: "too_large" };
  }
  if (ended.how === "complete" && state.visited === "more") {
    state.isRest = true;
    parser.feed(`${decoder.decode()}\n\n`);
  }
  return ended;
}
