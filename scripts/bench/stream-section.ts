// Section 2: how soon `run.created` reaches a client, and whether a stream that is cut and taken up again repeats or
// loses an event.

import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { quantile, short } from "./numbers.ts";
import type { Section } from "./report.ts";
import type { Target } from "./servers.ts";
import { readStream } from "./stream.ts";

/** DESIGN section 8. */
const maxFirstEventMs = 50;
/** Enough for what a run still delivers after its end. */
const restMs = 30;

export async function measureStreams(service: Target, question: object, runs: number): Promise<Section> {
  const body = { ...question, stream: true };
  const firstMs: number[] = [];
  let eventsPerRun = 0;
  for (let run = 0; run < runs; run += 1) {
    const from = performance.now();
    const read = await readStream(await service.client.post("/v1/solve", body));
    if (read.types[0] !== "run.created") {
      throw new Error(`the first event was ${read.types[0]}`);
    }
    firstMs.push(read.firstAt - from);
    eventsPerRun = read.seqs.length;
    await sleep(restMs);
  }
  const { repeated, lost, cuts } = await cutStreams(service, body, eventsPerRun, runs);
  const p99 = quantile(firstMs, 0.99);
  return {
    title: `2. Streams (${runs} idle runs, then ${cuts} cuts, one after each event in turn)`,
    text: [
      `  run.created after p50 ${short(quantile(firstMs, 0.5))} ms, p99 ${short(p99)} ms`,
      `  taken up again after ${cuts} cuts: ${repeated} events repeated, ${lost} lost`,
    ].join("\n"),
    verdicts: [
      {
        promise: "run.created reaches the client",
        target: `under ${maxFirstEventMs} ms`,
        reached: `p99 ${short(p99)} ms`,
        kept: p99 < maxFirstEventMs,
      },
      {
        promise: "a resumed stream",
        target: "0 repeated, 0 lost",
        reached: `${repeated} repeated, ${lost} lost in ${cuts}`,
        kept: repeated + lost === 0,
      },
    ],
  };
}

async function cutStreams(service: Target, body: object, eventsPerRun: number, cuts: number) {
  let repeated = 0;
  let lost = 0;
  for (let cut = 0; cut < cuts; cut += 1) {
    const first = await readStream(await service.client.post("/v1/solve", body), 1 + (cut % (eventsPerRun - 1)));
    const resumed = await readStream(
      await service.client.get(`/v1/runs/${first.runId}/events`, {
        accept: "text/event-stream",
        "last-event-id": String(first.seqs.at(-1) ?? 0),
      }),
    );
    const seen = [...first.seqs, ...resumed.seqs];
    repeated += seen.length - new Set(seen).size;
    lost += Array.from({ length: eventsPerRun }, (_, index) => index + 1).filter((seq) => !seen.includes(seq)).length;
  }
  return { repeated, lost, cuts };
}
