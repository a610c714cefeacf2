// Replies that carry a run: as JSON and as a stream of its events. Both name the run in the same headers.

import type { RunObject } from "../agent/run-object.ts";

export function runPath(runId: string): string {
  return `/v1/runs/${runId}`;
}

/** Where the run is, for replies to requests that did not name it. */
export function runHeaders(runId: string): Record<string, string> {
  return { location: runPath(runId), "content-location": runPath(runId), "x-run-id": runId };
}

export function runReply(run: RunObject, status: number, headers: Record<string, string>): Response {
  return Response.json(run, { status, headers: { "x-run-id": run.id, ...headers } });
}

export function eventReply(
  body: ReadableStream<Uint8Array> | null,
  runId: string,
  headers: Record<string, string>,
): Response {
  return eventStreamReply(body, { "x-run-id": runId, ...headers });
}

/** `X-Accel-Buffering` and `no-transform` keep proxies from holding events back. */
export function eventStreamReply(body: ReadableStream<Uint8Array> | null, headers: Record<string, string>): Response {
  return new Response(body, {
    headers: {
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
    },
  });
}
