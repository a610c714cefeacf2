// The batch's object with real sessions and stores: killed while its tasks come in, while rollouts run, while the ledger
// is away; every rollout is on record once. And what must leave no trace.

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { BatchApi } from "../../durable-objects/batch-api.ts";
import { createService } from "../../src/service.ts";
import { sessionOfRun } from "../../src/lib/ids.ts";
import { batchSpec, batchTasks } from "../support/batch-fixture.ts";
import { migrate } from "../support/migrate.ts";
import { rolloutsApi, type RolloutsApi } from "../support/rollouts-http.ts";
import { type SessionModel, startSessionModel } from "../support/session-model.ts";
import { crash, until } from "../support/session-object.ts";
import { loseTable } from "../support/session-stores.ts";

let model: SessionModel;

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  // Alarms come by themselves within a second.
  Object.assign(env, { LEASE_SECONDS: "1" });
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  model = startSessionModel(1);
});
afterEach(() => {
  vi.restoreAllMocks();
  Object.assign(env, { LEASE_SECONDS: "" });
});

const request = {
  tasks: [
    { id: "six", query: "What is six times seven?", answers: ["42"] },
    { id: "two", query: "What is one plus one?", answers: ["2"] },
  ],
  group_size: 2,
  tools: ["base_generator"],
};

/** Fails unless the ledger has one row a rollout, each with its record in R2, and every group is complete. */
async function onRecord(api: RolloutsApi, id: string, rollouts: number): Promise<true> {
  const { results } = await env.DB.prepare(
    `SELECT run_id, rollout_index, task_id, record_key FROM runs WHERE batch_id = ?1 AND ended_at IS NOT NULL`,
  )
    .bind(id)
    .all();
  expect(results).toHaveLength(rollouts);
  expect(new Set(results.map((row) => `${String(row["task_id"])}/${String(row["rollout_index"])}`)).size).toBe(
    rollouts,
  );
  for (const row of results) {
    expect(await env.BUCKET.head(String(row["record_key"]))).not.toBeNull();
  }
  const groups = await env.DB.prepare("SELECT complete, closed_at FROM groups WHERE batch_id = ?1").bind(id).all();
  expect(groups.results.map((row) => [row["complete"], row["closed_at"] !== null])).toEqual([
    [1, true],
    [1, true],
  ]);
  expect(await api.batch(id)).toMatchObject({ status: "completed", counts: { ended: rollouts, redone: 0 } });
  return true;
}

describe("killed", () => {
  // A rollout makes five calls to the model; four run at the same time.
  test.each([1, 4, 9, 16])("in call %i of its rollouts, with the sessions: each is on record once", async (at) => {
    const api = await rolloutsApi(`killed-${at}`);
    model.play((call) => (call.index === at ? "hang" : null));
    const { id } = await api.start(request);
    await model.arrived(at);
    await crash();
    expect((await api.ended(id)).status).toBe("completed");
    expect(await onRecord(api, id, 4)).toBe(true);
  });

  test("right after it was created, before the ledger knew of it", async () => {
    const api = await rolloutsApi("killed-at-birth");
    const { id } = await api.start(request);
    await crash();
    await runDurableObjectAlarm(api.stub(id));
    await api.ended(id);
    expect(await onRecord(api, id, 4)).toBe(true);
  });

  test("between the pieces of its tasks: what came before is still there", async () => {
    const stub = (): BatchApi => env.BATCH.getByName("acme/bat_00000000000000000000000009");
    const spec = batchSpec({ batch_id: "bat_00000000000000000000000009", concurrency: 1, split: "test" });
    await stub().addTasks({ batchId: spec.batch_id, upload: "one", first: 0, tasks: batchTasks(3) });
    await evictDurableObject(env.BATCH.getByName("acme/bat_00000000000000000000000009"));
    const last = { batchId: spec.batch_id, upload: "one", first: 3, tasks: batchTasks(1, 3) };
    const created = await stub().createBatch({ spec, last, bodyHash: "hash" });
    expect(created).toMatchObject({ kind: "created", batch: { counts: { tasks: 4, planned: 16 } } });
    expect(await stub().cancelBatch()).toMatchObject({ kind: "found", value: { status: "cancelled" } });
  });

  test("while a cancel is on its way to the sessions: they are cancelled all the same", async () => {
    const api = await rolloutsApi("killed-cancelling");
    model.play(() => "hang");
    const { id } = await api.start(request);
    await model.arrived(4);
    await api.send("POST", `/v1/rollouts/${id}/cancel`);
    await crash();
    await until(async () => (await api.batch(id)).counts.running === 0);
    expect(await api.batch(id)).toMatchObject({ status: "cancelled", counts: { ended: 4, invalid: { cancelled: 4 } } });
    await until(async () => {
      const row = await env.DB.prepare("SELECT status FROM batches WHERE batch_id = ?1").bind(id).first("status");
      return row === "cancelled";
    });
    const open = await env.DB.prepare("SELECT count(*) AS n FROM groups WHERE batch_id = ?1 AND closed_at IS NULL")
      .bind(id)
      .first("n");
    expect(open).toBe(0);
  });
});

test("without the ledger nothing starts, and everything does once it is back", async () => {
  const api = await rolloutsApi("no-ledger");
  const restore = await loseTable("groups");
  const { id } = await api.start(request);
  await runDurableObjectAlarm(api.stub(id));
  expect((await api.batch(id)).status).toBe("queued");
  expect(model.calls).toEqual([]);
  await restore();
  await api.ended(id);
  expect(await onRecord(api, id, 4)).toBe(true);
});

test("an engine that fails is asked in two more attempts, each a session of its own", async () => {
  const api = await rolloutsApi("failing");
  model.play((call) => (call.role === "analyzer" ? { status: 401 } : null));
  const { id } = await api.start({ ...request, tasks: request.tasks.slice(0, 1), group_size: 1 });
  const ended = await api.ended(id);
  expect(ended).toMatchObject({
    status: "completed",
    counts: { ended: 1, valid: 0, redone: 2, invalid: { engine_failed: 1 }, groups_complete: 1 },
  });
  const { results } = await env.DB.prepare("SELECT run_id FROM runs WHERE batch_id = ?1 AND ended_at IS NOT NULL")
    .bind(id)
    .all();
  expect(new Set(results.map((row) => sessionOfRun(String(row["run_id"])))).size).toBe(3);
});

test("the cron wakes a batch that lost its alarm", async () => {
  const api = await rolloutsApi("no-alarm");
  model.play(() => "hang");
  const { id } = await api.start(request);
  await model.arrived(4);
  await crash();
  await runInDurableObject(api.stub(id), (_, state) => state.storage.deleteAlarm());
  model.play(() => null);
  await createService(env).sweep(Date.now());
  await api.ended(id);
  expect(await onRecord(api, id, 4)).toBe(true);
});

test("asking for a batch that there never was leaves no trace", async () => {
  const stub = env.BATCH.getByName("acme/bat_00000000000000000000000010");
  const asked: BatchApi = stub;
  expect(await asked.getBatch()).toEqual({ kind: "unknown" });
  expect(await asked.cancelBatch()).toEqual({ kind: "unknown" });
  expect(await asked.readEvents(0, 10)).toEqual({ kind: "unknown" });
  await asked.wake();
  const trace = await runInDurableObject(stub, async (_, state) => [
    state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    await state.storage.getAlarm(),
  ]);
  expect(trace).toEqual([[], null]);
});
