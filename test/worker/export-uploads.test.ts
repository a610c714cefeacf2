// Parts of a multipart upload are stored, and paid for, until it is completed or aborted, and no listing shows them:
// whatever became of an export's tries, none of its uploads is open once it has ended.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { createExportDeps } from "../../durable-objects/create-export-deps.ts";
import { failExport, runSlice } from "../../durable-objects/export-slices.ts";
import { ExportProgress } from "../../durable-objects/export-store.ts";
import { acceptExport, current, ended, exported, exporterOf, wake } from "../support/export-object.ts";
import { migrate } from "../support/migrate.ts";
import { crash, present, until } from "../support/session-object.ts";
import { seedGroup, workedExample } from "../support/training-fixtures.ts";

beforeAll(() => migrate(env.DB));
afterEach(() => {
  vi.restoreAllMocks();
});

const bucketPrototype: R2Bucket = Object.getPrototypeOf(env.BUCKET);
const uploadPrototype: R2MultipartUpload = Object.getPrototypeOf(env.BUCKET.resumeMultipartUpload("key", "id"));

interface Upload {
  readonly key: string;
  readonly uploadId: string;
}

/** Every upload that is begun from here on: a Worker cannot ask R2 for them. */
function watchUploads(): Upload[] {
  const begun: Upload[] = [];
  const real: unknown = Reflect.get(bucketPrototype, "createMultipartUpload");
  vi.spyOn(bucketPrototype, "createMultipartUpload").mockImplementation(async function watch(this: R2Bucket, ...given) {
    const upload = typeof real === "function" ? await Reflect.apply(real, this, given) : null;
    begun.push({ key: upload.key, uploadId: upload.uploadId });
    return upload;
  });
  return begun;
}

async function openOf(uploads: readonly Upload[]): Promise<Upload[]> {
  const open: Upload[] = [];
  for (const upload of uploads) {
    const part = env.BUCKET.resumeMultipartUpload(upload.key, upload.uploadId).uploadPart(1, "more");
    if (
      await part.then(
        () => true,
        () => false,
      )
    ) {
      open.push(upload);
    }
  }
  return open;
}

/** Completions of uploads wait, before they reach R2 or with its reply. */
function holdCompletions(place: "before" | "after") {
  const go = Promise.withResolvers<null>();
  const real: unknown = Reflect.get(uploadPrototype, "complete");
  let isHeld = false;
  const spy = vi.spyOn(uploadPrototype, "complete");
  spy.mockImplementation(async function hold(this: R2MultipartUpload, parts) {
    const complete = () => (typeof real === "function" ? Reflect.apply(real, this, [parts]) : null);
    const done = place === "after" ? await complete() : null;
    isHeld = true;
    await go.promise;
    return done ?? complete();
  });
  return {
    isHeld: () => isHeld,
    end: () => {
      go.resolve(null);
      spy.mockRestore();
    },
  };
}

/** An export whose turns do not fit into one part. */
async function acceptLarge(tenant: string) {
  const rollouts = [1, 0].map((reward) => ({ reward, turns: 1, tokens: 440_000, isNoisy: true as const }));
  await seedGroup(env, { tenant, task: "long", rollouts });
  return acceptExport(tenant, "large");
}

async function exportedOnce(tenant: string) {
  await seedGroup(env, { tenant, task: "short", rollouts: workedExample });
  return exported(tenant, "short");
}

describe("the uploads of an export", () => {
  test.each([
    { killed: "before one was completed", place: "before", open: 1 },
    { killed: "when one had been completed, unknown to it,", place: "after", open: 0 },
  ] as const)("that was killed $killed are closed when it goes on", async ({ place, open }) => {
    const row = await acceptLarge(`killed-${place}`);
    const uploads = watchUploads();
    const held = holdCompletions(place);
    await wake(row);
    await until(held.isHeld);
    await crash();
    expect(await openOf(uploads)).toHaveLength(open);
    held.end();
    await wake(row);
    expect(await ended(row)).toMatchObject({ status: "completed" });
    expect(uploads).toHaveLength(2);
    expect(await openOf(uploads)).toEqual([]);
  });

  test("whose dataset another export has made meanwhile are aborted", async () => {
    const other = await exportedOnce("known");
    const row = await acceptLarge("known");
    const uploads = watchUploads();
    const complete = vi.spyOn(uploadPrototype, "complete").mockRejectedValue(new Error("R2 is down"));
    await runInDurableObject(exporterOf(row), async (_, { storage }) => {
      const progress = new ExportProgress(storage);
      const deps = createExportDeps(env, progress);
      await runSlice(deps, progress.begin(row.tenant, row.export_id), row);
      await expect(runSlice(deps, present(progress.state(), "state"), row)).rejects.toThrow("record store");
      expect(await openOf(uploads)).toHaveLength(1);
      complete.mockRestore();
      const made = await deps.datasets.find(row.tenant, other.dataset_id ?? "");
      const datasets = { ...deps.datasets, find: () => Promise.resolve(made) };
      progress.advance(present(progress.state(), "state"), { stage: "claim" });
      await runSlice({ ...deps, datasets }, present(progress.state(), "state"), row);
      expect(progress.state()).toMatchObject({ stage: "publish" });
      expect(await openOf(uploads)).toEqual([]);
    });
  });

  test("that fails are aborted before it has ended", async () => {
    const row = await acceptLarge("failing");
    const uploads = watchUploads();
    vi.spyOn(uploadPrototype, "complete").mockRejectedValue(new Error("R2 is down"));
    await runInDurableObject(exporterOf(row), async (_, { storage }) => {
      const progress = new ExportProgress(storage);
      const deps = createExportDeps(env, progress);
      await runSlice(deps, progress.begin(row.tenant, row.export_id), row);
      const state = present(progress.state(), "state");
      await expect(runSlice(deps, state, row)).rejects.toThrow("record store");
      expect(await openOf(uploads)).toHaveLength(1);
      await failExport(deps, state, "records_unavailable", "It was given up.");
    });
    expect(await current(row)).toMatchObject({ status: "failed" });
    expect(await openOf(uploads)).toEqual([]);
  });
});
