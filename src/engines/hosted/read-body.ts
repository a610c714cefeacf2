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

/** Calls `visit` with each chunk until it returns false. */
async function readChunks(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
  visit: (chunk: Uint8Array) => boolean,
  linger: (rest: Promise<Next>) => Promise<Next | null>,
): Promise<Ended> {
  if (body === null) {
    return COMPLETE;
  }
  const reader = body.getReader();
  // Not every body listens to the signal of its fetch; a cancelled reader ends the read that is waiting.
  const letGo = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", letGo, { once: true });
  let isComplete = false;
  try {
    const ended = await visitChunks(reader, maxBytes, signal, visit);
    isComplete = ended.how === "complete";
    if (ended.how === "left") {
      isComplete = (await linger(readNext(reader)))?.how === "complete";
    }
    return ended;
  } finally {
    signal.removeEventListener("abort", letGo);
    // A body that was read to its end has let go by itself, and cancelling it would cost as much as reading it.
    if (!isComplete) {
      letGo();
    }
  }
}

async function visitChunks(
  reader: Chunks,
  maxBytes: number,
  signal: AbortSignal,
  visit: (chunk: Uint8Array) => boolean,
): Promise<Ended> {
  let total = 0;
  while (!signal.aborted) {
    const next = await readNext(reader);
    if (signal.aborted) {
      break;
    }
    if (next.how !== "chunk") {
      return next;
    }
    total += next.chunk.byteLength;
    if (total > maxBytes) {
      return { how: "too_large" };
    }
    if (!visit(next.chunk)) {
      return { how: "left" };
    }
  }
  return { how: "aborted" };
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
    return true;
  };
  const ended = await readChunks(body, maxBytes, signal, visit, () => Promise.resolve(null));
  return { text: text + decoder.decode(), ended };
}

export interface StreamVisitor {
  /** The data of one event; false = enough. */
  onData(data: string): boolean;
  /** The data of a last event that no blank line closed. */
  onRest(data: string): void;
}

/**
 * After `[DONE]` the end of the body is a moment away; having seen it, the connection can serve the next call. The moment
 * is long in an isolate that is busy with a thousand runs, and a server that keeps the body open is yet to be met.
 */
const LINGER_MS = 1000;

export async function readEvents(
  body: ReadableStream<Uint8Array> | null,
  caps: Caps,
  signal: AbortSignal,
  clock: Pick<Clock, "after">,
  visitor: StreamVisitor,
): Promise<Ended> {
  const decoder = new TextDecoder();
  const state = { isOver: false, isTooLarge: false, isRest: false };
  const parser = createParser({
    maxBufferSize: caps.held,
    onEvent({ data }) {
      if (state.isRest) {
        visitor.onRest(data);
      } else if (!state.isOver) {
        state.isOver = !visitor.onData(data);
      }
    },
    onError(error) {
      state.isTooLarge ||= error.type === "max-buffer-size-exceeded";
    },
  });
  const visit = (chunk: Uint8Array) => {
    parser.feed(decoder.decode(chunk, { stream: true }));
    return !state.isOver && !state.isTooLarge;
  };
  const linger = (rest: Promise<Next>) => (state.isTooLarge ? Promise.resolve(null) : atMost(clock, LINGER_MS, rest));
  const ended = await readChunks(body, caps.stream, signal, visit, linger);
  if (state.isTooLarge) {
    return { how: "too_large" };
  }
  if (ended.how === "complete" && !state.isOver) {
    state.isRest = true;
    parser.feed(`${decoder.decode()}\n\n`);
  }
  return ended;
}

/** Null after `ms`. The work must not reject. */
async function atMost<T>(clock: Pick<Clock, "after">, ms: number, work: Promise<T>): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const stop = clock.after(ms, () => {
    resolve(null);
  });
  const done = await Promise.race([work, promise]);
  stop();
  return done;
}
