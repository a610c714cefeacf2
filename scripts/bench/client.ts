// The load: requests to servers of this machine over kept-alive connections, and a closed loop that keeps a given
// number of runs in flight. It waits for every reply, bounded in time, and counts what did not complete.

import { Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import * as z from "zod";

/** A run that takes longer than this is counted as lost. */
const replyTimeoutMs = 180_000;

export interface Client {
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
  close(): void;
}

export function createClient(baseUrl: string, maxSockets: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets });
  const open = (method: string, path: string, headers: Readonly<Record<string, string>>): ClientRequest =>
    httpRequest(`${baseUrl}${path}`, { agent, method, headers, timeout: replyTimeoutMs });
  return {
    post(path, body, headers = {}) {
      const sent = open("POST", path, { "content-type": "application/json", ...headers });
      return finish(sent, JSON.stringify(body));
    },
    get: (path, headers = {}) => finish(open("GET", path, headers), ""),
    close() {
      agent.destroy();
    },
  };
}

async function finish(sent: ClientRequest, body: string): Promise<IncomingMessage> {
  sent.on("timeout", () => {
    sent.destroy(new Error(`no reply within ${replyTimeoutMs} ms`));
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.on("response", resolve);
  // It stays, for a socket may also fail after the reply has begun.
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: string[] = [];
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => chunks.push(chunk));
  await once(response, "end");
  return chunks.join("");
}

const Ended = z.object({ status: z.string(), id: z.string().optional() });

/** Starts one run and waits for its end; the reply's run. Throws if it did not complete. */
export async function completeRun(client: Client, path: string, body: unknown): Promise<z.infer<typeof Ended>> {
  const response = await client.post(path, body);
  const text = await readText(response);
  const ended = Ended.safeParse(response.statusCode === 200 ? JSON.parse(text) : null);
  if (!ended.success || ended.data.status !== "completed") {
    throw new Error(`a run came back ${response.statusCode}: ${text.slice(0, 300)}`);
  }
  return ended.data;
}

export interface Load {
  readonly completed: number;
  readonly failed: number;
  /** Of those that failed. */
  readonly firstError: string | null;
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/** `total` runs, at most `inFlight` at a time. */
export async function keepInFlight(inFlight: number, total: number, run: () => Promise<unknown>): Promise<Load> {
  const latenciesMs: number[] = [];
  const errors: string[] = [];
  let started = 0;
  const startedAt = performance.now();
  const worker = async (): Promise<void> => {
    while (started < total) {
      started += 1;
      const from = performance.now();
      try {
        await run();
        latenciesMs.push(performance.now() - from);
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, total) }, worker));
  return {
    completed: latenciesMs.length,
    failed: errors.length,
    firstError: errors[0] ?? null,
    seconds: (performance.now() - startedAt) / 1000,
    latenciesMs,
  };
}
