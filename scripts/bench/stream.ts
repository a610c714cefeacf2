// Reading a run's event stream as a client does: the numbers of its durable events, when the first came, and a cut
// after any of them.

import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { performance } from "node:perf_hooks";
import { createParser } from "eventsource-parser";

export interface StreamRead {
  readonly runId: string;
  /** Numbers of the durable events, in the order they came. */
  readonly seqs: readonly number[];
  readonly types: readonly string[];
  /** `performance.now()` of the first event. */
  readonly firstAt: number;
}

/** Reads to the end, or hangs up once `cutAfter` durable events have come. */
export async function readStream(response: IncomingMessage, cutAfter = Number.POSITIVE_INFINITY): Promise<StreamRead> {
  const seqs: number[] = [];
  const types: string[] = [];
  let firstAt = Number.NaN;
  const parser = createParser({
    onEvent({ id, event }) {
      // A reader that hangs up has not seen what arrived in the same packet.
      if (id !== undefined && seqs.length < cutAfter) {
        firstAt = Number.isNaN(firstAt) ? performance.now() : firstAt;
        seqs.push(Number(id));
        types.push(event ?? "");
      }
    },
  });
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    parser.feed(chunk);
    if (seqs.length >= cutAfter) {
      response.destroy();
    }
  });
  await once(response, "close");
  return { runId: String(response.headers["x-run-id"]), seqs, types, firstAt };
}
