// The servers under test: the service over an engine, and the bare loop beside it. Their state lies in temporary
// folders that go away with them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDevServer } from "../lib/dev-server.ts";
import type { Plan } from "./bare-loop/plan.ts";
import { type Client, completeRun, createClient, readText } from "./client.ts";

/** The most that any section keeps in flight. */
const maxSockets = 1000;
const bareConfig = join(import.meta.dirname, "bare-loop/wrangler.toml");

export interface Target {
  readonly name: "service" | "bare loop";
  readonly client: Client;
  readonly stateDir: string;
  /** One run from request to reply; throws unless it completed. */
  run(this: void): Promise<unknown>;
  stop(this: void): Promise<void>;
}

/** `question` is what each run asks; with a mock engine its words do not matter. */
export async function startService(
  engine: Readonly<Record<string, string>>,
  question: Readonly<Record<string, unknown>>,
): Promise<Target & { solve(): Promise<string> }> {
  const { client, stateDir, stop } = await start("service", { ALLOW_ANONYMOUS: "1", ...engine });
  const run = () => completeRun(client, "/v1/solve", question);
  return { name: "service", client, stateDir, run, stop, solve: async () => (await run()).id ?? "" };
}

export async function startBareLoop(plan: Plan): Promise<Target> {
  const { client, stateDir, stop } = await start("bare", {}, bareConfig);
  await readText(await client.post("/prepare", plan));
  return { name: "bare loop", client, stateDir, run: () => completeRun(client, "/run", {}), stop };
}

async function start(name: string, variables: Readonly<Record<string, string>>, config?: string) {
  const stateDir = mkdtempSync(join(tmpdir(), `agentflow-bench-${name}-`));
  const remove = (): void => {
    process.off("exit", remove);
    rmSync(stateDir, { recursive: true, force: true });
  };
  process.on("exit", remove);
  const server = await startDevServer({
    host: "127.0.0.1",
    port: 0,
    stateDir,
    variables,
    output: "ignore",
    ...(config === undefined ? {} : { config }),
  }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const client = createClient(server.url, maxSockets);
  return {
    client,
    stateDir,
    stop: async () => {
      client.close();
      await server.stop();
      remove();
    },
  };
}
