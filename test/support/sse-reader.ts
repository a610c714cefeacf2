// Reads a stream of server-sent events as a client would, chunk by chunk, with the parser that clients use.

import { createParser } from "eventsource-parser";
import * as z from "zod";

export interface ReadEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

const Data = z.record(z.string(), z.unknown());

/** Parses complete text; comments are returned apart. */
export function parseEvents(text: string): { events: ReadEvent[]; comments: string[] } {
  const events: ReadEvent[] = [];
  const comments: string[] = [];
  const parser = createParser({
    onEvent: (message) =>
      events.push({ id: message.id ?? null, event: message.event ?? "", data: Data.parse(JSON.parse(message.data)) }),
    onComment: (comment) => comments.push(comment),
    onError: (error) => {
      throw error;
    },
  });
  parser.feed(text);
  return { events, comments };
}

/** Reads one chunk; null at the end. */
export async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | null> {
  const { done, value } = await reader.read();
  return done ? null : new TextDecoder().decode(value);
}

/** The whole stream, parsed. */
export async function readAll(body: ReadableStream<Uint8Array> | null) {
  return parseEvents(body === null ? "" : await new Response(body).text());
}
