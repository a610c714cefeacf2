// The engine of the benchmarks: the tests' OpenAI-compatible server in a process of its own, with fixed replies and a
// fixed latency. A run over it takes exactly the turns it was started with.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as z from "zod";

const script = join(import.meta.dirname, "../../test/support/mock-openai.ts");
/** Requests that it remembers: those of the last few runs. */
const keep = 64;

const Requests = z.object({
  requests: z.array(
    z.object({
      headers: z.record(z.string(), z.unknown()),
      body: z.record(z.string(), z.unknown()),
      run: z.string().nullable(),
    }),
  ),
});
export type EngineRequest = z.infer<typeof Requests>["requests"][number];

export interface MockEngine {
  /** Ends in `/v1`. */
  readonly url: string;
  readonly port: number;
  requestsOf(runId: string): Promise<EngineRequest[]>;
  stop(): Promise<void>;
}

/** `port` 0 takes a free one; a later engine with another latency can take the place of this one. */
export async function startMockEngine(options: {
  port: number;
  latencyMs: number;
  turns: number;
}): Promise<MockEngine> {
  const flags = {
    port: options.port,
    "latency-ms": options.latencyMs,
    turns: options.turns,
    keep,
    tool: "base_generator",
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const endWithUs = (): void => {
    child.kill();
  };
  process.on("exit", endWithUs);
  const url = await readUrl(createInterface({ input: child.stdout }));
  return {
    url,
    port: Number(new URL(url).port),
    async requestsOf(runId) {
      const reply = await fetch(new URL("/requests", url));
      return Requests.parse(await reply.json()).requests.filter((request) => request.run === runId);
    },
    async stop() {
      process.off("exit", endWithUs);
      const ended = once(child, "exit");
      child.kill();
      await ended;
    },
  };
}

async function readUrl(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url !== undefined) {
      return url;
    }
  }
  throw new Error("the mock engine ended before it listened");
}
