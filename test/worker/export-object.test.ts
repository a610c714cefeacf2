import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createExportDeps } from "../../durable-objects/create-export-deps.ts";
import { runSlice } from "../../durable-objects/export-slices.ts";
import { ExportProgress, type Stage } from "../../durable-objects/export-store.ts";
import { createService } from "../../src/service.ts";
import { zstdCodecs } from "../../src/training/dataset/codecs.ts";
import type { TurnTableRow } from "../../src/training/dataset/columns.ts";
import { createParquetFile } from "../../src/training/dataset/parquet-file.ts";
import {
  acceptExport,
  claimRequest,
  current,
  ended,
  exported,
  exportStore,
  fileHashes,
  isObjectEmpty,
  manifestOf,
  rowsOf,
  wake,
} from "../support/export-object.ts";
import { migrate } from "../support/migrate.ts";
import { present, until } from "../support/session-object.ts";
import { seedGroup, workedExample } from "../support/training-fixtures.ts";

beforeAll(() => migrate(env.DB));

describe("an export", () => {
  test("freezes what was claimed as a dataset that its manifest describes", async () => {
    const { groupId, runIds } = await seedGroup(env, {
      tenant: "whole",
      task: "six times seven",
      rollouts: workedExample,
    });
    const row = await exported("whole", "first");
    expect(row).toMatchObject({ status: "completed", error_code: null });
    const manifest = await manifestOf(row.dataset_id);
    expect(manifest.counts).toEqual({ groups: 1, rollouts: 4, turns: 8, invalid: {}, quarantined: 0, erased: 0 });
    expect(row.counts).toEqual(manifest.counts);
    const hashes = await fileHashes(row.dataset_id ?? "");
    const paths = manifest.files.map(({ path }) => path);
    expect(paths).toEqual(["turns-00000.parquet", "rollouts-00000.parquet", "groups-00000.parquet", "README.md"]);
    expect([...hashes.keys()].toSorted()).toEqual([...paths, "manifest.json"].toSorted());
    expect(paths.map((path) => hashes.get(path))).toEqual(manifest.files.map(({ sha256 }) => sha256));
    const rollouts = await rowsOf(row.dataset_id, "rollouts");
    expect(rollouts.map(({ rollout_id, group_id, reward }) => [rollout_id, group_id, reward])).toEqual(
      runIds.map((id, index) => [id, groupId, index < 2 ? 1 : 0]),
    );
    const turns = await rowsOf(row.dataset_id, "turns");
    expect(turns.map(({ advantage }) => advantage?.toFixed(4))).toEqual([
      ...Array.from({ length: 2 }, () => "0.8660"),
      ...Array.from({ length: 6 }, () => "-0.8660"),
    ]);
    expect(turns.map(({ loss_weight }) => loss_weight?.toFixed(6)).slice(0, 3)).toEqual([
      "0.025000",
      "0.025000",
      "0.008333",
    ]);
  });

  test("leaves nothing in its object when it has ended", async () => {
    await seedGroup(env, { tenant: "tidy", task: "task", rollouts: workedExample });
    const row = await exported("tidy", "first");
    await until(() => isObjectEmpty(row));
    await wake(row);
    expect(await isObjectEmpty(row)).toBe(true);
  });

  test("that finds nothing to claim is empty", async () => {
    expect(await exported("empty", "first")).toMatchObject({ status: "empty", dataset_id: null, counts: null });
  });

  test("that runs beside another shares no group with it", async () => {
    for (const task of ["a", "b", "c", "d"]) {
      await seedGroup(env, { tenant: "beside", task, rollouts: workedExample });
    }
    const rows = await Promise.all([exported("beside", "one"), exported("beside", "two")]);
    const made = rows.filter(({ status }) => status === "completed");
    const groups = await Promise.all(made.map(({ dataset_id }) => rowsOf(dataset_id, "groups")));
    expect(groups.flatMap((of) => of.map(({ task_id }) => task_id)).toSorted()).toEqual(["a", "b", "c", "d"]);
  });

  test("from a dataset reads the frozen claim: neither rewards nor groups that came later", async () => {
    const { runIds } = await seedGroup(env, { tenant: "derived", task: "frozen", rollouts: workedExample });
    const source = await exported("derived", "source");
    await env.DB.prepare("UPDATE runs SET reward = 5 WHERE run_id = ?1")
      .bind(runIds[3] ?? "")
      .run();
    await seedGroup(env, { tenant: "derived", task: "later", rollouts: workedExample });
    const advantage_spec = "grpo/turn/std=n-1/eps=0";
    const dataset_id = source.dataset_id ?? "";
    const derived = await exported("derived", "derived", { kind: "from_dataset", advantage_spec, dataset_id });
    expect(derived).toMatchObject({ status: "completed", counts: { groups: 1 } });
    const rollouts = await rowsOf(derived.dataset_id, "rollouts");
    // The worked example of DATASET, over turn rows.
    expect(rollouts.map(({ advantage }) => advantage?.toFixed(5))).toEqual([
      "1.62019",
      "1.62019",
      "-0.54006",
      "-0.54006",
    ]);
    expect(await manifestOf(derived.dataset_id)).toMatchObject({
      advantage_spec,
      created_at: (await manifestOf(dataset_id)).created_at,
    });
  });

  test("that would make a dataset that was deleted fails", async () => {
    await seedGroup(env, { tenant: "revenant", task: "task", rollouts: workedExample });
    const source = await exported("revenant", "source");
    const dataset_id = source.dataset_id ?? "";
    await env.DB.prepare("UPDATE datasets SET deleted_at = '2026-11-22T13:00:00.000Z' WHERE dataset_id = ?1")
      .bind(dataset_id)
      .run();
    const { advantage_spec } = claimRequest();
    const again = await exported("revenant", "again", { kind: "from_dataset", advantage_spec, dataset_id });
    expect(again).toMatchObject({ status: "failed", error_code: "dataset_deleted", dataset_id: null });
  });
});

describe("files", () => {
  test("of many megabytes are uploaded in parts, from groups that do not fit into memory together", async () => {
    // Four records of five megabytes: more than an export keeps, so that each is read twice.
    const rollouts = [1, 0, 1, 0].map((reward) => ({ reward, turns: 1, tokens: 220_000, isNoisy: true as const }));
    await seedGroup(env, { tenant: "large", task: "long", rollouts });
    await seedGroup(env, { tenant: "large", task: "short", rollouts: workedExample });
    const row = await exported("large", "first");
    expect(row).toMatchObject({ status: "completed", counts: { groups: 2, rollouts: 8, turns: 12 } });
    const { files } = await manifestOf(row.dataset_id);
    const [turns] = files;
    expect(turns?.bytes).toBeGreaterThan(5 * 1024 * 1024);
    const object = await env.BUCKET.head(`datasets/${row.dataset_id}/turns-00000.parquet`);
    // The etag of a multipart upload counts its parts.
    expect(object?.etag).toMatch(/-\d+$/);
    const hashes = await fileHashes(row.dataset_id ?? "");
    expect(hashes.get("turns-00000.parquet")).toBe(turns?.sha256);
    const long = (await rowsOf(row.dataset_id, "turns")).filter(({ response_tokens }) => response_tokens > 1000);
    expect(long.map(({ response_logprobs }) => response_logprobs?.length)).toEqual(rollouts.map(() => 220_000));
  });
});

describe("the validator inside", () => {
  /** Runs an export by hand up to a stage, lets the test spoil it, and runs it to its end. */
  async function spoiled(
    tenant: string,
    stage: Stage,
    spoil: (progress: ExportProgress, datasetId: string) => Promise<void>,
  ) {
    const row = await acceptExport(tenant, "spoiled");
    await runInDurableObject(env.EXPORTER.getByName(`spoiled/${tenant}`), async (_, { storage }) => {
      const progress = new ExportProgress(storage);
      const deps = createExportDeps(env, progress);
      progress.begin(tenant, row.export_id);
      let isSpoiled = false;
      for (let state = progress.state(); state !== null && state.stage !== "done"; state = progress.state()) {
        if (state.stage === stage && !isSpoiled) {
          isSpoiled = true;
          await spoil(progress, state.dataset_id);
        }
        await runSlice(deps, state, row);
      }
      await storage.deleteAll();
    });
    return current(row);
  }

  test("fails an export whose file is not what was written", async () => {
    await seedGroup(env, { tenant: "broken", task: "task", rollouts: workedExample });
    const row = await spoiled("broken", "validate", async (_, datasetId) => {
      await env.BUCKET.put(`datasets/${datasetId}/turns-00000.parquet`, "rubbish");
    });
    expect(row).toMatchObject({ status: "failed", error_code: "file_broken", dataset_id: null });
    expect(row.error_detail).toContain("turns-00000.parquet");
    const { objects } = await env.BUCKET.list({ prefix: "datasets/" });
    expect(objects.filter(({ key }) => key.includes(String(row.dataset_id)))).toEqual([]);
  });

  test("sets the group aside that breaks a rule, and the rest is as if it had never been there", async () => {
    const [bad, good] = [
      await seedGroup(env, { tenant: "unsound", task: "bad", rollouts: workedExample }),
      await seedGroup(env, { tenant: "unsound", task: "good", rollouts: workedExample }),
    ];
    const row = await spoiled("unsound", "validate", async (progress, datasetId) => {
      // The file of turns once more, with an advantage of the bad group that the others do not balance.
      const set = present(progress.sets()[0], "set");
      const [written, ...others] = set.files;
      const turns = present(written, "file of turns");
      const chunks: Uint8Array[] = [];
      const file = createParquetFile("turns", zstdCodecs, async (bytes) => {
        chunks.push(bytes.slice());
      });
      for (const turn of await turnsOf(datasetId)) {
        await file.write(turn.group_id === bad.groupId ? { ...turn, advantage: 7 } : turn);
      }
      const facts = await file.close();
      await env.BUCKET.put(`datasets/${datasetId}/${turns.path}`, await new Blob(chunks).arrayBuffer());
      progress.forgetSets();
      progress.closeSet({ ...set, files: [{ ...turns, ...facts }, ...others] });
    });
    expect(row).toMatchObject({ status: "completed", counts: { groups: 1, quarantined: 1 } });
    const groups = await rowsOf(row.dataset_id, "groups");
    expect(groups.map(({ group_id }) => group_id)).toEqual([good.groupId]);
    const reason = await env.DB.prepare("SELECT quarantine_reason FROM groups WHERE group_id = ?1")
      .bind(bad.groupId)
      .first("quarantine_reason");
    expect(reason).toBe("rule_3");
  });

  async function turnsOf(datasetId: string): Promise<TurnTableRow[]> {
    return rowsOf(datasetId, "turns", ["turns-00000.parquet"]);
  }
});

describe("the cron", () => {
  const service = createService({ ...env, EXPORT_WAIT_SECONDS: "600" });
  const sweep = (nowMs: number) => service.sweep(nowMs);
  const scheduledMs = Date.parse("2026-11-22T12:00:00.000Z");
  const rowsFor = async (tenant: string) => (await exportStore.list({ tenant, limit: 10, before: null })).rows;

  test("starts one export for a scheduled time, however often it fires", async () => {
    await seedGroup(env, {
      tenant: "cron",
      task: "old",
      rollouts: workedExample,
      closedAt: "2026-11-22T11:50:00.000Z",
    });
    await seedGroup(env, {
      tenant: "cron",
      task: "new",
      rollouts: workedExample,
      closedAt: "2026-11-22T11:50:01.000Z",
    });
    await Promise.all([sweep(scheduledMs), sweep(scheduledMs)]);
    await sweep(scheduledMs);
    const [row, ...others] = await rowsFor("cron");
    expect(others).toEqual([]);
    const done = await ended(present(row, "export"));
    expect(done).toMatchObject({ trigger: "cron", status: "completed", counts: { groups: 1 } });
    expect((await rowsOf(done.dataset_id, "groups")).map(({ task_id }) => task_id)).toEqual(["old"]);
    await sweep(scheduledMs + 900_000);
    expect(await rowsFor("cron")).toHaveLength(2);
  });

  test("starts nothing for a tenant without groups to claim", async () => {
    await seedGroup(env, { tenant: "idle", task: "partial", rollouts: workedExample, isComplete: false });
    await sweep(scheduledMs);
    expect(await rowsFor("idle")).toEqual([]);
  });

  test("wakes an export that was accepted and never begun", async () => {
    await seedGroup(env, { tenant: "asleep", task: "task", rollouts: workedExample });
    const row = await acceptExport("asleep", "first");
    await sweep(Date.parse("2026-11-22T09:00:00.000Z"));
    expect(await ended(row)).toMatchObject({ status: "completed" });
  });
});
