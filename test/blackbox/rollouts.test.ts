// A batch on a real server with the offline engine, and `kill -9` of the whole server at several moments of it: each
// rollout is in the ledger and in R2 once, and the groups are complete.

import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Problem } from "../../src/http/problem.ts";
import { isBatchTerminal } from "../../src/training/batch-events.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { type Api, apiOf } from "./support/api.ts";
import { batchWhen, readBatchEvents, readGroups, recordKeys, startBatch } from "./support/rollouts.ts";

const state = temporaryDir();
const running: { server?: Server; api?: Api } = {};

async function start(): Promise<void> {
  running.server = await startServer({
    stateDir: state.path,
    env: { INFERENCE_BASE_URL: "offline", LEASE_SECONDS: "1" },
  });
  running.api = apiOf(running.server.url);
}

function api(): Api {
  if (running.api === undefined) {
    throw new Error("the server is not started");
  }
  return running.api;
}

async function restart(): Promise<void> {
  await running.server?.kill9();
  await start();
}

beforeAll(start);
beforeEach(({ onTestFailed }) => {
  onTestFailed(() => {
    console.error(running.server?.output());
  });
});
afterAll(async () => {
  await running.server?.kill9();
  state.remove();
});

const tasks = Array.from({ length: 6 }, (_, index) => ({
  id: `product-${index}`,
  query: `What is ${index + 12} * ${index + 3}?`,
  answers: [String((index + 12) * (index + 3))],
}));
const rollouts = tasks.length * 4;

test("survives kill -9 at its start, in the middle and near its end, and records each rollout once", async () => {
  const body = { tasks, group_size: 4, concurrency: 4, tools: ["python_coder"], seed: 3 };
  const { id } = await startBatch(api(), body, { "idempotency-key": "a batch" });
  await restart();
  for (const share of [0.25, 0.5, 0.9]) {
    await batchWhen(api(), id, `has ended ${share} of its rollouts`, ({ counts }) => counts.ended >= share * rollouts);
    await restart();
  }
  // The same request again finds the same batch.
  expect((await startBatch(api(), body, { "idempotency-key": "a batch" })).id).toBe(id);
  const batch = await batchWhen(api(), id, "ends", ({ ended_at }) => ended_at !== null);
  expect(batch).toMatchObject({ status: "completed", counts: { ended: rollouts, valid: rollouts, running: 0 } });

  const groups = await readGroups(api(), id);
  expect(groups.map((group) => [group.task_id, group.status])).toEqual(tasks.map((task) => [task.id, "complete"]));
  const runs = groups.flatMap((group) => group.rollouts);
  expect(runs.map((run) => run.rollout_index)).toEqual(tasks.flatMap(() => [0, 1, 2, 3]));
  expect(runs.every((run) => run.valid === true && run.advantage !== null)).toBe(true);

  const log = await readBatchEvents(api(), id);
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.filter((event) => isBatchTerminal(event.type))).toEqual([log.at(-1)]);
  const ended = log.flatMap((event) => (event.type === "rollout.ended" ? event.run_id : []));
  expect(ended.toSorted()).toEqual(runs.flatMap((run) => run.run_id ?? []).toSorted());
  expect((await api().ledger()).map((run) => run.id).toSorted()).toEqual(ended.toSorted());

  await running.server?.stop();
  expect(recordKeys(state.path).toSorted()).toEqual(ended.map((run) => `records/local/${run}.json`).toSorted());
  await start();
});

test("a cancelled batch stays cancelled through kill -9, and nothing of it runs on", async () => {
  const { id } = await startBatch(api(), { tasks, group_size: 8, concurrency: 2, tools: ["python_coder"] });
  await batchWhen(api(), id, "has begun", ({ counts }) => counts.ended > 0);
  const reply = await api().send("POST", `/v1/rollouts/${id}/cancel`);
  expect(reply.status).toBe(200);
  await restart();
  const batch = await batchWhen(api(), id, "has nothing running", ({ counts }) => counts.running === 0);
  expect(batch.status).toBe("cancelled");
  expect(batch.counts.queued).toBeGreaterThan(0);
  const log = await readBatchEvents(api(), id);
  expect(log.at(-1)?.type).toBe("batch.cancelled");
  const statuses = new Set((await api().ledger()).map((run) => run.status));
  expect(statuses.has("running")).toBe(false);
});

test("a judge is refused where no model is configured for it", async () => {
  const task = { query: "What?", answers: ["42"], reward: { kind: "judge" } };
  const reply = await api().send("POST", "/v1/rollouts", { body: { tasks: [task] } });
  const { status, errors } = Problem.parse(await reply.json());
  expect([status, errors?.map(({ field, code }) => [field, code])]).toEqual([422, [["tasks[0].reward", "no_judge"]]]);
});
