// Planner versions in D1 and R2: names and steps that are given once, whatever comes at the same time.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createPolicyStore, type NewPolicy } from "../../src/store/policies.ts";
import { StoreFault } from "../../src/store/store-fault.ts";
import { migrate } from "../support/migrate.ts";
import { loseTable } from "../support/session-stores.ts";

const store = createPolicyStore(env.DB, env.BUCKET);
const at = "2026-11-22T10:00:00.000Z";
const ds = (name: string) => `ds_${name}`;

beforeAll(() => migrate(env.DB));

/** Tenants are the test's own, for storage is shared inside a file. */
function policy(tenant: string, version: string, change: Partial<NewPolicy> = {}): NewPolicy {
  const endpoint = {
    kind: "hosted" as const,
    base_url: "https://vllm.example.com/v1",
    model: "planner",
    secret: null,
    logprobs_mode: "unknown" as const,
  };
  return { tenant, version, endpoint, sha256: `sha-${version}`, createdAt: at, datasets: [], ...change };
}

async function addDataset(tenant: string, id: string, claim: string, change: { deleted?: true } = {}): Promise<void> {
  await env.DB.prepare("INSERT INTO datasets VALUES (?1, ?2, 'exp_1', ?3, 'grpo', ?4, '{}', '', ?5)")
    .bind(id, tenant, claim, at, change.deleted === true ? at : null)
    .run();
}

async function addGroup(tenant: string, id: string, claim: string | null, version: string): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO groups (group_id, tenant, batch_id, task_id, task_index, split, policy_version, policy_step,
      size_planned, created_at, claim_id) VALUES (?1, ?2, 'bat_1', 't', 0, 'train', ?3, 1, 8, ?4, ?5)`,
  )
    .bind(id, tenant, version, at, claim)
    .run();
}

describe("a version", () => {
  test("is found as it was registered", async () => {
    await store.insert(policy("as-it-was", "v1", { datasets: [ds("b"), ds("a")] }));
    expect(await store.find("as-it-was", "v1")).toEqual({
      version: "v1",
      policy_step: 1,
      endpoint: policy("", "").endpoint,
      sha256: "sha-v1",
      created_at: at,
      datasets: [ds("a"), ds("b")],
    });
    expect(await store.find("another", "v1")).toBeNull();
    expect(await store.find("as-it-was", "v2")).toBeNull();
  });

  test("registered at the same time as twenty others has a step of its own, and no step is left out", async () => {
    const versions = Array.from({ length: 20 }, (_, index) => `v${index}`);
    const rows = await Promise.all(versions.map((version) => store.insert(policy("crowd", version))));
    expect(rows.map((row) => row.policy_step).toSorted((left, right) => left - right)).toEqual(
      versions.map((_, index) => index + 1),
    );
    expect((await store.insert(policy("elsewhere", "v1"))).policy_step).toBe(1);
  });

  test("stays what it was when the name comes again, and takes no step and no datasets from the other", async () => {
    const first = await store.insert(policy("again", "v1", { datasets: [ds("a")] }));
    const second = await store.insert(policy("again", "v1", { sha256: "other", datasets: [ds("b")] }));
    expect(second).toEqual(first);
    expect((await store.insert(policy("again", "v2"))).policy_step).toBe(2);
  });

  test("with a hundred datasets and a long name fits its row", async () => {
    const datasets = Array.from({ length: 100 }, (_, index) => ds(String(index).padStart(26, "0")));
    const row = await store.insert(policy("large", "v".repeat(64), { datasets }));
    expect(row.datasets).toEqual(datasets);
  });
});

test("a list is newest first and begins after the step it is given", async () => {
  for (const version of ["v1", "v2", "v3"]) {
    await store.insert(policy("listed", version));
  }
  const names = async (before: number | null, limit: number) =>
    (await store.list("listed", { before, limit })).map((row) => row.version);
  expect(await names(null, 10)).toEqual(["v3", "v2", "v1"]);
  expect(await names(null, 2)).toEqual(["v3", "v2"]);
  expect(await names(2, 2)).toEqual(["v1"]);
});

describe("the active version", () => {
  test("is the one that was activated last, and none again", async () => {
    await store.insert(policy("active", "v1"));
    await store.insert(policy("active", "v2"));
    expect(await store.active("active")).toBeNull();
    expect(await store.activate("active", "v2", at)).toBe(true);
    expect(await store.active("active")).toEqual({ version: "v2", step: 2 });
    expect(await store.activate("active", "v1", at)).toBe(true);
    expect(await store.active("active")).toEqual({ version: "v1", step: 1 });
    expect(await store.activate("active", null, at)).toBe(true);
    expect(await store.active("active")).toBeNull();
  });

  test("stays where the new one is not there, or is another tenant's", async () => {
    await store.insert(policy("stays", "v1"));
    await store.insert(policy("neighbour", "theirs"));
    await store.activate("stays", "v1", at);
    expect(await store.activate("stays", "v9", at)).toBe(false);
    expect(await store.activate("stays", "theirs", at)).toBe(false);
    expect(await store.active("stays")).toEqual({ version: "v1", step: 1 });
  });
});

describe("lineage", () => {
  test("knows the tenant's own datasets, deleted ones too", async () => {
    await addDataset("known", ds("mine"), "c1");
    await addDataset("known", ds("gone"), "c2", { deleted: true });
    await addDataset("other-known", ds("theirs"), "c3");
    const asked = [ds("mine"), ds("gone"), ds("theirs"), ds("none")];
    expect(await store.unknownDatasets("known", asked)).toEqual([ds("theirs"), ds("none")]);
  });

  test("leads from a version to the datasets that hold its rollouts", async () => {
    await addDataset("lineage", ds("l1"), "claim-1");
    await addDataset("lineage", ds("l2"), "claim-1");
    await addDataset("lineage", ds("l3"), "claim-2");
    await addDataset("lineage", ds("l4"), "claim-1", { deleted: true });
    await addGroup("lineage", "grp_1", "claim-1", "v1");
    await addGroup("lineage", "grp_2", "claim-2", "v2");
    await addGroup("lineage", "grp_3", null, "v2");
    expect(await store.datasetsMadeWith("lineage", "v1")).toEqual([ds("l2"), ds("l1")]);
    expect(await store.datasetsMadeWith("lineage", "v2")).toEqual([ds("l3")]);
    expect(await store.datasetsMadeWith("elsewhere", "v1")).toEqual([]);
  });
});

test("weights come back from R2 as they were put, and null where there are none", async () => {
  await store.putWeights("policies/weights/v1.json", { version: "v1", rows: [[0.1, -1e-17]] });
  expect(await store.readWeights("policies/weights/v1.json")).toEqual({ version: "v1", rows: [[0.1, -1e-17]] });
  expect(await store.readWeights("policies/weights/v2.json")).toBeNull();
});

test("a ledger that is away is a fault with a code", async () => {
  await loseTable("policies");
  await expect(store.find("acme", "v1")).rejects.toBeInstanceOf(StoreFault);
  await expect(store.find("acme", "v1")).rejects.toMatchObject({ code: "ledger_unavailable" });
});
