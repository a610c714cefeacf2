// Runs programs through the real pool, with generous limits, so that no test depends on the machine's speed.

import { expect } from "vitest";
import { createSandboxClient } from "../../durable-objects/remote-sandbox.ts";
import type { Env } from "../../src/env.ts";
import type { PythonRequest } from "../../src/tools/python-coder/python-sandbox.ts";
import type { SandboxAnswer } from "../../src/tools/python-coder/sandbox-answer.ts";

/** A program and what of the request the test cares about. Without a run it gets one of its own. */
export type Program = Pick<PythonRequest, "code"> & Partial<PythonRequest>;

const generous = { timeMs: 60_000, waitMs: 60_000, maxFuel: 1e6 };

export function createPythonSandbox(env: Pick<Env, "SANDBOX">, tenant: string) {
  const client = createSandboxClient(env);
  const state = { runs: 0 };
  const tryRun = (program: Program, signal: AbortSignal) => {
    state.runs += 1;
    const runId = `${tenant}-${state.runs}`;
    return client.run(
      {
        tenant,
        runId,
        earlierCode: [],
        limits: generous,
        isolation: "interpreter",
        onQueued: () => undefined,
        ...program,
      },
      signal,
    );
  };
  const run = async (program: Program): Promise<SandboxAnswer> => {
    const reply = await tryRun(program, new AbortController().signal);
    return reply.ok ? reply.value : expect.unreachable(`${reply.error.code}: ${reply.error.detail}`);
  };
  return {
    run,
    tryRun,
    /** Lets other runs use every interpreter of the pool, which has four. */
    async takeAllInterpreters(): Promise<void> {
      await Promise.all(Array.from({ length: 4 }, () => run({ code: "0" })));
    },
    /** The tenant's pool object. */
    get pool() {
      return env.SANDBOX.getByName(tenant);
    },
  };
}
