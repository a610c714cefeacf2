// An export that failed keeps its claim and can be taken up again: the dataset is the one that the first try would have
// made, nothing is lost, and no rollout gets into a second claim.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createExportDeps } from "../../durable-objects/create-export-deps.ts";
import { failExport } from "../../durable-objects/export-slices.ts";
import { ExportProgress } from "../../durable-objects/export-store.ts";
import { createApp } from "../../src/http/app.ts";
import { ExportObject } from "../../src/http/routes/exports.ts";
import {
  acceptExport,
  current,
  ended,
  exported,
  exporterOf,
  exportStore,
  fileHashes,
  isObjectEmpty,
  rowsOf,
  wake,
} from "../support/export-object.ts";
import { createWorld } from "../support/http-services.ts";
import { migrate } from "../support/migrate.ts";
import { until } from "../support/session-object.ts";
import { holdPuts } from "../support/session-stores.ts";
import { seedGroup, workedExample } from "../support/training-fixtures.ts";

beforeAll(() => migrate(env.DB));
afterEach(() => {
  vi.restoreAllMocks();
});

async function api(tenant: string) {
  const world = createWorld({ keyed: true });
  const app = createApp({
    ...world.services,
    exports: exportStore,
    exporter: (owner, id) => exporterOf({ tenant: owner, export_id: id }),
  });
  const authorization = `Bearer ${await world.addKey(tenant, "datasets")}`;
  return {
    retry: async (id: string) =>
      app.request(`http://localhost/v1/exports/${id}/retry`, { method: "POST", headers: { authorization } }),
  };
}

const bucketPrototype: R2Bucket = Object.getPrototypeOf(env.BUCKET);

/** What is put under the datasets is not what arrives, until the test restores its mocks. */
function spoilFiles(): void {
  const realPut: unknown = Reflect.get(bucketPrototype, "put");
  vi.spyOn(bucketPrototype, "put").mockImplementation(async function spoil(this: R2Bucket, key: string, ...rest) {
    const spoilt = key.startsWith("datasets/") ? ["rubbish"] : rest;
    return typeof realPut === "function" ? Reflect.apply(realPut, this, [key, ...spoilt]) : null;
  });
}

const statementPrototype: D1PreparedStatement = Object.getPrototypeOf(env.DB.prepare("SELECT 1"));

/** The ledger has the end of an export; its reply waits. */
function holdEnd() {
  const go = Promise.withResolvers<null>();
  const realRun: unknown = Reflect.get(statementPrototype, "run");
  let isHeld = false;
  vi.spyOn(statementPrototype, "run").mockImplementation(async function hold(this: D1PreparedStatement, ...rest) {
    const done = typeof realRun === "function" ? await Reflect.apply(realRun, this, rest) : null;
    if (String(Reflect.get(this, "statement")).startsWith("UPDATE exports SET status = ?3")) {
      isHeld = true;
      await go.promise;
    }
    return done;
  });
  return { isHeld: () => isHeld, release: () => go.resolve(null) };
}

async function claimOf(runId: string): Promise<unknown> {
  const { results } = await env.DB.prepare("SELECT claim_id FROM claim_rollouts WHERE run_id = ?1").bind(runId).all();
  return results.map((row) => row["claim_id"]);
}

describe("a failed export", () => {
  test("keeps its groups from other exports and, taken up again, makes the dataset of its claim", async () => {
    const { groupId, runIds } = await seedGroup(env, { tenant: "again", task: "a", rollouts: workedExample });
    spoilFiles();
    const failed = await exported("again", "first");
    expect(failed).toMatchObject({ status: "failed", error_code: "file_broken", dataset_id: null });
    vi.restoreAllMocks();
    expect(await exported("again", "second")).toMatchObject({ status: "empty" });

    // What comes after the claim changes nothing.
    await env.DB.prepare("UPDATE runs SET reward = 5 WHERE group_id = ?1").bind(groupId).run();
    await seedGroup(env, { tenant: "again", task: "later", rollouts: workedExample });
    const reply = await (await api("again")).retry(failed.export_id);
    expect(reply.status).toBe(200);
    expect(ExportObject.parse(await reply.json())).toMatchObject({ id: failed.export_id, error: null, ended_at: null });
    const done = await ended(failed);
    expect(done).toMatchObject({ status: "completed", counts: { groups: 1, rollouts: 4, quarantined: 0 } });
    const rollouts = await rowsOf(done.dataset_id, "rollouts");
    expect(rollouts.map(({ rollout_id, reward }) => [rollout_id, reward])).toEqual(
      runIds.map((id, index) => [id, index < 2 ? 1 : 0]),
    );
    expect(await Promise.all(runIds.map(claimOf))).toEqual(runIds.map(() => [failed.export_id]));
    expect(await exported("again", "third")).toMatchObject({ status: "completed", counts: { groups: 1 } });
  });

  test("is taken up once, however often it is asked for", async () => {
    await seedGroup(env, { tenant: "often", task: "a", rollouts: workedExample });
    spoilFiles();
    const failed = await exported("often", "first");
    vi.restoreAllMocks();
    const { retry } = await api("often");
    const replies = await Promise.all([retry(failed.export_id), retry(failed.export_id), retry(failed.export_id)]);
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    const done = await ended(failed);
    expect(done.status).toBe("completed");
    const files = await fileHashes(done.dataset_id ?? "");
    // It has not failed any more: one more request leaves it as it is.
    const again = ExportObject.parse(await (await retry(failed.export_id)).json());
    expect(again).toMatchObject({ status: "completed", dataset_id: done.dataset_id, ended_at: done.ended_at });
    expect(await fileHashes(done.dataset_id ?? "")).toEqual(files);
  });

  test("goes on by itself when a retry comes between its end in the ledger and its end in its object", async () => {
    await seedGroup(env, { tenant: "between", task: "a", rollouts: workedExample });
    spoilFiles();
    const held = holdEnd();
    const row = await acceptExport("between", "first");
    await wake(row);
    await until(held.isHeld);
    vi.restoreAllMocks();
    expect(await current(row)).toMatchObject({ status: "failed" });
    const files = holdPuts("datasets/");
    // The object is at work, so that this wakes nobody.
    const reply = await (await api("between")).retry(row.export_id);
    expect(ExportObject.parse(await reply.json())).toMatchObject({ status: "queued" });
    held.release();
    await until(async () => files.keys.length > 0 || (await isObjectEmpty(row)));
    // Should it die now, it comes back.
    expect(await runInDurableObject(exporterOf(row), (_, { storage }) => storage.getAlarm())).not.toBeNull();
    files.release();
    expect(await ended(row)).toMatchObject({ status: "completed", counts: { groups: 1 } });
    await until(() => isObjectEmpty(row));
  });

  test("that never came to a claim makes one", async () => {
    const row = await acceptExport("unclaimed", "first");
    const error = { code: "ledger_unavailable", detail: "It was given up." };
    await exportStore.end("unclaimed", row.export_id, {
      status: "failed",
      dataset_id: null,
      counts: null,
      error,
      ended_at: "2026-11-22T13:00:00.000Z",
    });
    await seedGroup(env, { tenant: "unclaimed", task: "a", rollouts: workedExample });
    await (await api("unclaimed")).retry(row.export_id);
    expect(await ended(row)).toMatchObject({ status: "completed", counts: { groups: 1 } });
  });

  test("of another tenant, or of nobody, is not there", async () => {
    const row = await acceptExport("owner", "first");
    const { retry } = await api("stranger");
    expect((await retry(row.export_id)).status).toBe(404);
    expect((await retry("exp_00000000000000000000000001")).status).toBe(404);
    expect((await current(row)).status).toBe("queued");
  });
});

describe("an object that dies while its export fails", () => {
  /** In the object of the row itself: `crash` is where it stops. */
  async function failBefore(row: Awaited<ReturnType<typeof acceptExport>>, crash: "end" | "done"): Promise<void> {
    await runInDurableObject(exporterOf(row), async (_, { storage }) => {
      class Dying extends ExportProgress {
        override advance(...[state, change]: Parameters<ExportProgress["advance"]>): void {
          if (crash === "done" && change.stage === "done") {
            throw new Error("died");
          }
          super.advance(state, change);
        }
      }
      const progress = new Dying(storage);
      const deps = createExportDeps(env, progress);
      const dead = { ...deps.exports, end: () => Promise.reject(new Error("died")) };
      const state = progress.begin(row.tenant, row.export_id);
      const failing = { ...deps, exports: crash === "end" ? dead : deps.exports };
      await expect(failExport(failing, state, "internal", "a defect")).rejects.toThrow("died");
    });
  }

  test("before that was written down goes on, and may yet succeed", async () => {
    await seedGroup(env, { tenant: "undecided", task: "a", rollouts: workedExample });
    const row = await acceptExport("undecided", "first");
    await failBefore(row, "end");
    await wake(row);
    expect(await ended(row)).toMatchObject({ status: "completed", counts: { groups: 1 } });
  });

  test("after it was written down is empty in the end, and a retry begins anew", async () => {
    await seedGroup(env, { tenant: "decided", task: "a", rollouts: workedExample });
    const row = await acceptExport("decided", "first");
    await failBefore(row, "done");
    await wake(row);
    await until(() =>
      runInDurableObject(exporterOf(row), (_, { storage }) => new ExportProgress(storage).state() === null),
    );
    expect(await current(row)).toMatchObject({ status: "failed", error_code: "internal" });
    await (await api("decided")).retry(row.export_id);
    expect(await ended(row)).toMatchObject({ status: "completed", counts: { groups: 1 } });
  });

  test("with its end in its storage, but not emptied yet, begins anew when it is retried", async () => {
    await seedGroup(env, { tenant: "unswept", task: "a", rollouts: workedExample });
    const row = await acceptExport("unswept", "first");
    await runInDurableObject(exporterOf(row), (_, { storage }) => {
      const progress = new ExportProgress(storage);
      progress.advance(progress.begin(row.tenant, row.export_id), { stage: "done" });
    });
    await wake(row);
    expect(await ended(row)).toMatchObject({ status: "completed", counts: { groups: 1 } });
  });
});
