// From the claim on, a crash at any point gives the same bytes: each write of an export's progress is lost once, and
// each write to R2 is once the last thing that its object did.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { createExportDeps } from "../../durable-objects/create-export-deps.ts";
import type { ExportDeps } from "../../durable-objects/export-deps.ts";
import { runSlice } from "../../durable-objects/export-slices.ts";
import { ExportProgress } from "../../durable-objects/export-store.ts";
import { createClaimStore } from "../../src/store/claims.ts";
import type { ExportRow } from "../../src/store/exports.ts";
import { acceptExport, claimRequest, current, ended, exported, fileHashes, wake } from "../support/export-object.ts";
import { migrate } from "../support/migrate.ts";
import { crash, until } from "../support/session-object.ts";
import { seedGroup, workedExample } from "../support/training-fixtures.ts";

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  vi.restoreAllMocks();
});

class Crash extends Error {}

/** Progress whose n-th write is lost with the object; what happened outside has happened. */
class ForgetfulProgress extends ExportProgress {
  writes = 0;
  readonly #lost: number;

  constructor(storage: DurableObjectStorage, lost: number) {
    super(storage);
    this.#lost = lost;
  }

  #count(): void {
    this.writes += 1;
    if (this.writes === this.#lost) {
      throw new Crash();
    }
  }

  override advance(...change: Parameters<ExportProgress["advance"]>): void {
    this.#count();
    super.advance(...change);
  }

  override closeSet(...set: Parameters<ExportProgress["closeSet"]>): void {
    this.#count();
    super.closeSet(...set);
  }

  override markValidated(ordinal: number): void {
    this.#count();
    super.markValidated(ordinal);
  }
}

/** Runs an export's slices in an object of the test's own; gives the number of writes. */
async function runSlices(row: ExportRow, name: string, lost: number, more: Partial<ExportDeps>): Promise<number> {
  const stub = env.EXPORTER.getByName(`by hand/${name}`);
  return runInDurableObject(stub, async (_, { storage }) => {
    const progress = new ForgetfulProgress(storage, lost);
    const deps = { ...createExportDeps(env, progress), ...more, progress };
    progress.begin(row.tenant, row.export_id);
    for (let state = progress.state(); state !== null && state.stage !== "done"; state = progress.state()) {
      try {
        await runSlice(deps, state, row);
      } catch (error) {
        if (!(error instanceof Crash)) {
          throw error;
        }
      }
    }
    await storage.deleteAll();
    return progress.writes;
  });
}

/** The claim stays; everything that was made from it goes. */
async function undo(row: ExportRow): Promise<void> {
  const { objects } = await env.BUCKET.list({ prefix: `datasets/${row.dataset_id ?? ""}/` });
  await env.BUCKET.delete(objects.map(({ key }) => key));
  await env.DB.batch([
    env.DB.prepare("DELETE FROM datasets WHERE dataset_id = ?1").bind(row.dataset_id),
    env.DB.prepare(
      "UPDATE exports SET status = 'queued', ended_at = NULL, dataset_id = NULL WHERE export_id = ?1",
    ).bind(row.export_id),
  ]);
}

async function seedThree(tenant: string): Promise<void> {
  for (const task of ["a", "b", "c"]) {
    await seedGroup(env, { tenant, task, rollouts: workedExample });
  }
}

describe("an export whose progress is lost", () => {
  test("at any write ends with the bytes of one that nobody disturbed", async () => {
    await seedThree("forgetful");
    const row = await acceptExport("forgetful", "export");
    // A set for each group.
    const small = { isSetFull: ({ turnRows }: { turnRows: number }) => turnRows >= 8 };
    const writes = await runSlices(row, "forgetful", 0, small);
    const undisturbed = await current(row);
    const expected = await fileHashes(undisturbed.dataset_id ?? "");
    expect(expected.size).toBe(11);
    // Claim, three sets and the end of the files, three verdicts and their end, manifest, row.
    expect(writes).toBeGreaterThanOrEqual(12);
    for (let lost = 1; lost <= writes; lost++) {
      await undo(undisturbed);
      await runSlices(row, "forgetful", lost, small);
      const again = await current(row);
      expect([lost, again.status, again.dataset_id]).toEqual([lost, "completed", undisturbed.dataset_id]);
      expect([lost, await fileHashes(again.dataset_id ?? "")]).toEqual([lost, expected]);
    }
  });
});

const bucketPrototype: R2Bucket = Object.getPrototypeOf(env.BUCKET);

/** Writes to keys of this form wait until they are released. */
function holdWrites(form: RegExp) {
  const go = Promise.withResolvers<null>();
  const realPut: unknown = Reflect.get(bucketPrototype, "put");
  let isHeld = false;
  vi.spyOn(bucketPrototype, "put").mockImplementation(async function hold(this: R2Bucket, key: string, ...rest) {
    if (form.test(key)) {
      isHeld = true;
      await go.promise;
    }
    return typeof realPut === "function" ? Reflect.apply(realPut, this, [key, ...rest]) : null;
  });
  return { isHeld: () => isHeld, release: () => go.resolve(null) };
}

describe("an export whose object dies", () => {
  test.each(["turns", "rollouts", "groups", "README", "manifest"])(
    "while it writes %s comes out the same",
    async (file) => {
      const tenant = `dies-${file.toLowerCase()}`;
      await seedThree(tenant);
      const undisturbed = await exported(tenant, "export");
      const expected = await fileHashes(undisturbed.dataset_id ?? "");
      await undo(undisturbed);
      const held = holdWrites(new RegExp(`^datasets/${undisturbed.dataset_id}/${file}`));
      await wake(undisturbed);
      await until(held.isHeld);
      await crash();
      held.release();
      vi.restoreAllMocks();
      await wake(undisturbed);
      expect(await ended(undisturbed)).toMatchObject({ status: "completed", dataset_id: undisturbed.dataset_id });
      expect(await fileHashes(undisturbed.dataset_id ?? "")).toEqual(expected);
    },
  );

  test("right after its claim finds that claim, with the rewards that it froze", async () => {
    const { runIds } = await seedGroup(env, { tenant: "died", task: "before", rollouts: workedExample });
    const row = await acceptExport("died", "export");
    await createClaimStore(env.DB).claim({
      claim_id: row.export_id,
      tenant: "died",
      claimed_at: "2026-11-22T12:00:01.000Z",
      trigger: "request",
      request: claimRequest(),
      exporter_version: "1.0.0",
    });
    await env.DB.prepare("UPDATE runs SET reward = 1 WHERE run_id = ?1")
      .bind(runIds[3] ?? "")
      .run();
    await seedGroup(env, { tenant: "died", task: "after", rollouts: workedExample });
    await wake(row);
    const done = await ended(row);
    expect(done).toMatchObject({ status: "completed", counts: { groups: 1, rollouts: 4 } });
    const frozen = await env.DB.prepare("SELECT avg(reward) AS mean FROM claim_rollouts WHERE claim_id = ?1")
      .bind(row.export_id)
      .first("mean");
    expect(frozen).toBe(0.5);
  });
});
