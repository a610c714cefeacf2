// A client of event streams over real HTTP, with the parser that clients use. It reads one message at a time, so
// that a test decides when to look, when to stop reading and when to drop the connection.

import { createParser } from "eventsource-parser";
import * as z from "zod";
import { isTerminal, RunEventSchema, type RunEvent } from "../../src/agent/events.ts";

export type SseMessage =
  | { readonly kind: "event"; readonly id: string | null; readonly event: string; readonly data: Message }
  | { readonly kind: "comment"; readonly text: string };

const Message = z.looseObject({ type: z.string(), seq: z.int().optional(), text: z.string().optional() });
type Message = z.infer<typeof Message>;

export interface SseReader {
  readonly response: Response;
  /** The next message; null at the stream's end. */
  next(): Promise<SseMessage | null>;
  /** Reads to the first durable event that fits, or to the end (null). */
  nextEvent(fits?: (event: RunEvent) => boolean): Promise<RunEvent | null>;
  /** Every message up to the end. */
  rest(): Promise<SseMessage[]>;
  /** Drops the connection. */
  close(): void;
}

/** Opens a stream; throws unless it is one. */
export async function openStream(url: string, init: RequestInit = {}): Promise<SseReader> {
  const abort = new AbortController();
  const headers = new Headers(init.headers);
  headers.set("accept", "text/event-stream");
  const response = await fetch(url, { ...init, headers, signal: abort.signal });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  }
  const messages = readMessages(response.body);
  const next = async () => {
    const { done, value } = await messages.next();
    return done === true ? null : value;
  };
  return {
    response,
    next,
    async nextEvent(fits = () => true) {
      for (let message = await next(); message !== null; message = await next()) {
        const event = toRunEvent(message);
        if (event !== null && fits(event)) {
          return event;
        }
      }
      return null;
    },
    async rest() {
      const read: SseMessage[] = [];
      for (let message = await next(); message !== null; message = await next()) {
        read.push(message);
      }
      return read;
    },
    close: () => abort.abort(),
  };
}

/** The durable event of a message, checked against the schema and its own `id` and `event` fields. */
export function toRunEvent(message: SseMessage): RunEvent | null {
  if (message.kind === "comment" || message.data.seq === undefined) {
    return null;
  }
  const event = RunEventSchema.parse(message.data);
  if (message.id !== String(event.seq) || message.event !== event.type) {
    throw new Error(`event ${event.seq} (${event.type}) came as id ${message.id}, event ${message.event}`);
  }
  return event;
}

export function durable(messages: readonly SseMessage[]): RunEvent[] {
  return messages.flatMap((message) => toRunEvent(message) ?? []);
}

export function endsRun(event: RunEvent): boolean {
  return isTerminal(event.type);
}

async function* readMessages(body: ReadableStream<Uint8Array>): AsyncGenerator<SseMessage, void> {
  const decoder = new TextDecoder();
  let ready: SseMessage[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      const parsed = Message.parse(JSON.parse(data));
      ready.push({ kind: "event", id: id ?? null, event: event ?? "", data: parsed });
    },
    onComment: (text) => ready.push({ kind: "comment", text }),
    onError: (error) => {
      throw error;
    },
  });
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* ready;
    ready = [];
  }
}
