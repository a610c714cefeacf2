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

/** Calls `visit` with each chunk until it returns false. */
async function readChunks(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
  visit: (chunk: Uint8Array) => boolean,
  linger: () => Promise<void>,
): Promise<Ended> {
  if (body === null) {
    return COMPLETE;
  }
  const reader = body.getReader();
  // Not every body listens to the signal of its fetch; a cancelled reader ends the read that is waiting.
  const letGo = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", letGo, { once: true });
  let total = 0;
  try {
    while (!signal.aborted) {
      const next = await readNext(reader);
      if (signal.aborted) {
        break;
      }
      if ("how" in next) {
        return next;
      }
      total += next.chunk.byteLength;
      if (total > maxBytes) {
        return { how: "too_large" };
      }
      if (!visit(next.chunk)) {
        await Promise.race([readNext(reader), linger()]);
        return { how: "left" };
      }
    }
    return { how: "aborted" };
  } finally {
    signal.removeEventListener("abort", letGo);
    letGo();
  }
}

/** Only what the connection throws is caught: a visitor that throws is a bug, and its own. */
async function readNext(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<Ended | { readonly chunk: Uint8Array }> {
  try {
    const { done, value } = await reader.read();
    return done ? COMPLETE : { chunk: value };
  } catch (cause) {
    return { how: "broken", cause };
  }
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
  const ended = await readChunks(body, maxBytes, signal, visit, () => Promise.resolve());
  return { text: text + decoder.decode(), ended };
}

export interface StreamVisitor {
  /** The data of one event; false = enough. */
  onData(data: string): boolean;
  /** The data of a last event that no blank line closed. */
  onRest(data: string): void;
}

/** After `[DONE]` the end of the body is a moment away; having seen it, the connection can serve the next call. */
const LINGER_MS = 10;

export async function readEvents(
  body: ReadableStream<Uint8Array> | null,
  caps: Caps,
  signal: AbortSignal,
  clock: Pick<Clock, "sleep">,
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
  const linger = () => (state.isTooLarge ? Promise.resolve() : clock.sleep(LINGER_MS, signal));
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
