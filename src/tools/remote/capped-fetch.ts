// The guarded fetch of one conversation with a server whose client library reads the bodies: all replies together have
// a cap, so have the requests, and everything ends with the conversation's signal. Beyond a cap the conversation itself
// is ended, because a library may answer a broken stream by asking again, at once where the server says so.

import { FetchError } from "../../lib/guarded-fetch/fetch-fault.ts";
import type { GuardedFetch } from "../../lib/guarded-fetch/guarded-fetch.ts";

export interface Conversation {
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  readonly signal: AbortSignal;
  /** Ends what is still open. */
  close(): void;
}

export interface ConversationLimits {
  /** Of all replies together, decompressed. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** A list of tools has at most 64 pages for the client, and a beginning and an end. */
const maxRequests = 100;

export function openConversation(guarded: GuardedFetch, { maxBytes, signal }: ConversationLimits): Conversation {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let left = maxBytes;
  let requestsLeft = maxRequests;

  function endAsTooLarge(detail: string): never {
    const fault = new FetchError({ code: "too_large", detail });
    ended.abort(fault);
    throw fault;
  }

  function spend(bytes: number): void {
    left -= bytes;
    if (left < 0) {
      endAsTooLarge(`the replies are larger than ${maxBytes} bytes`);
    }
  }

  return {
    signal: both,
    async fetch(url, init = {}) {
      requestsLeft -= 1;
      if (requestsLeft < 0) {
        endAsTooLarge(`the server made the client send more than ${maxRequests} requests`);
      }
      const stop = init.signal === undefined || init.signal === null ? both : AbortSignal.any([init.signal, both]);
      const response = await guarded(url, { ...init, signal: stop });
      const { status, statusText, headers, body } = response;
      return new Response(body === null ? null : counted(body, spend), { status, statusText, headers });
    },
    close: () => ended.abort(),
  };
}

function counted(body: ReadableStream<Uint8Array>, spend: (bytes: number) => void): ReadableStream<Uint8Array> {
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        spend(chunk.byteLength);
        controller.enqueue(chunk);
      },
    }),
  );
}
