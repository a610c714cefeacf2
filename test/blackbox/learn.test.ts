// `npm run learn` in short: the service and the loop in this process play the same rollouts and make the same dataset,
// a training through the service runs to its end, and a few iterations already beat chance by far.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Arena } from "../../scripts/learn/arena.ts";
import { createApi } from "../../scripts/learn/learn-api.ts";
import { createLocalArena } from "../../scripts/learn/local-arena.ts";
import { arenaOver } from "../../scripts/learn/service-arena.ts";
import { fullTraining, train } from "../../scripts/learn/train.ts";
import { untrainedWeights } from "../../src/engines/offline/policy/weights.ts";
import { offlineTasks } from "../../src/engines/offline/tasks/offline-tasks.ts";
import type { LearnDataset } from "../../src/training/learn/learn-dataset.ts";
import { launcher, type Server, startServer, temporaryDir } from "../support/server.ts";

/** Rows without the names of groups and runs, which are hashes of the batch, in an order of their own. */
function facts({ turns, groups }: LearnDataset): unknown {
  const rows = turns.map(({ group_id: _group, rollout_id: _rollout, ...row }) => JSON.stringify(row));
  return { groups, rows: rows.toSorted() };
}

describe("the service and the loop in this process", () => {
  const state = temporaryDir();
  let server: Server;
  let service: Arena;
  let local: Arena;

  beforeAll(async () => {
    server = await startServer({ stateDir: state.path, env: { INFERENCE_BASE_URL: "offline" } });
    service = arenaOver(createApi(server.url));
    local = await createLocalArena();
  });

  afterAll(async () => {
    await server.kill9();
    state.remove();
  });

  test("play the same rollouts and make the same dataset, to the last bit", async () => {
    const tasks = offlineTasks({ seed: 12, count: 4, split: "train" });
    const practice = { tasks, groupSize: 4, temperature: 1, split: "train", seed: 7 } as const;
    const spec = "grpo/trajectory/std=n-1/eps=1e-6";
    const both = [];
    for (const arena of [service, local]) {
      await arena.publish(untrainedWeights("untrained-test"), []);
      both.push(await arena.collect(practice, spec));
    }
    const [served, played] = both;
    expect(served?.invalid).toEqual({});
    expect(served?.dataset.turns.length).toBeGreaterThan(16);
    expect(facts(served?.dataset ?? { turns: [], groups: 0 })).toEqual(
      facts(played?.dataset ?? { turns: [], groups: 0 }),
    );
    expect([served?.rollouts, served?.success]).toEqual([played?.rollouts, played?.success]);
  });
});

describe("npm run learn", () => {
  test("trains through the service, prints what it saw, and leaves nothing running", async () => {
    const child = spawn(process.execPath, [launcher, "learn", "--quick", "--iterations", "1"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    expect(output).toContain("played through the service");
    expect(output).toMatch(/^ +1 +0\.\d{3} +\d+\.\d %/m);
    expect(output).toMatch(/^after .* sampled at temperature 1, .* greedy$/m);
  });

  test("learns: ten iterations of a seed solve at least three times the held-out tasks that chance does", async () => {
    const arena = await createLocalArena();
    const size = { ...fullTraining, iterations: 10, examTasks: 100, curveTasks: 1 };
    const { before, after } = await train({ arena, curveArena: arena }, { ...size, arm: "normal", seed: 3 }, () => {});
    expect(before.sampled).toBeLessThan(0.15);
    expect(after.sampled).toBeGreaterThan(3 * before.sampled);
  });
});
