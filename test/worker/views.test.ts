import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../src/http/app.ts";
import { Problem } from "../../src/http/problem.ts";
import { createDatasetFiles, datasetKey, type DatasetFiles } from "../../src/store/dataset-files.ts";
import { createDatasetStore } from "../../src/store/datasets.ts";
import { StoreFault } from "../../src/store/store-fault.ts";
import { type AdvantageSpec } from "../../src/training/advantage-spec.ts";
import { manifestText } from "../../src/training/dataset/manifest.ts";
import { VerlRow } from "../../src/training/views/verl-row.ts";
import { createWorld } from "../support/http-services.ts";
import { migrate } from "../support/migrate.ts";
import { makeDataset } from "../support/view-dataset.ts";

beforeAll(() => migrate(env.DB));

const turn = { reply: [3, 4, 5] };
const files = createDatasetFiles(env.BUCKET);

/** A dataset as an export leaves it, in the stores of this test file. */
async function publish(reward: number, spec?: AdvantageSpec): Promise<string> {
  const rollouts = [
    { reward, turns: [turn, { ...turn, guided: true }] },
    { reward: 0, turns: [turn] },
  ];
  const made = await makeDataset({
    groups: [{ rollouts }, { rollouts }],
    groupsPerSet: 1,
    ...(spec === undefined ? {} : { spec }),
  });
  const id = made.manifest.dataset_id;
  for (const [path, bytes] of made.files) {
    await env.BUCKET.put(datasetKey(id, path), bytes);
  }
  await env.BUCKET.put(datasetKey(id, "manifest.json"), manifestText(made.manifest));
  await env.DB.prepare(
    `INSERT INTO datasets (dataset_id, tenant, export_id, claim_id, advantage_spec, created_at, counts, manifest_sha256)
     VALUES (?1, 'local', 'exp_1', 'exp_1', ?2, '2026-11-22T10:30:00.000Z', ?3, 'ab') ON CONFLICT DO NOTHING`,
  )
    .bind(id, made.manifest.advantage_spec, JSON.stringify(made.manifest.counts))
    .run();
  return id;
}

function get(path: string, init: RequestInit = {}, over: Partial<DatasetFiles> = {}) {
  const { services } = createWorld();
  const datasets = createDatasetStore(env.DB);
  const app = createApp({ ...services, datasets, datasetFiles: { ...files, ...over } });
  return app.request(`http://localhost:8787/v1/datasets/${path}`, init);
}

async function lines(response: Response): Promise<unknown[]> {
  const text = new TextDecoder().decode(await response.arrayBuffer());
  return text.split("\n").flatMap((line): unknown[] => (line === "" ? [] : [JSON.parse(line)]));
}

async function problem(response: Response): Promise<Problem> {
  return Problem.parse(await response.json());
}

describe("a view", () => {
  test("is JSON Lines from both sets of files, with what it leaves out in a header", async () => {
    const response = await get(`${await publish(1)}/views/verl`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    expect(response.headers.get("x-agentflow-left-out")).toBe('{"guided":2}');
    expect(response.headers.has("content-encoding")).toBe(false);
    const rows = (await lines(response)).map((line) => VerlRow.parse(line));
    expect(rows.map(({ key }) => key.slice(-8))).toEqual(["0000_0_0", "0000_1_0", "0001_0_0", "0001_1_0"]);
  });

  test("keeps what was left out if asked to", async () => {
    const response = await get(`${await publish(1)}/views/verl?include=unchecked`);
    expect(response.headers.get("x-agentflow-left-out")).toBe("{}");
    expect(await lines(response)).toHaveLength(6);
  });

  test.each([
    ["jsonl", 6],
    ["jsonl?table=rollouts", 4],
    ["jsonl?table=groups", 2],
    ["trl", 4],
    ["trl?fold=eq5", 4],
    ["sft", 4],
    ["sft?min_reward=-0.5", 6],
  ])("%s has %i lines", async (view, count) => {
    expect(await lines(await get(`${await publish(1)}/views/${view}`))).toHaveLength(count);
  });

  test("takes the dataset's own pass_at as the least reward for tuning", async () => {
    const response = await get(`${await publish(0.9)}/views/sft`);
    expect(response.headers.get("x-agentflow-left-out")).toBe('{"low_reward":6}');
    expect(await lines(response)).toEqual([]);
  });

  test("answers HEAD with headers alone", async () => {
    const response = await get(`${await publish(1)}/views/trl`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-agentflow-left-out")).toBe('{"guided":2}');
    expect(response.body).toBeNull();
  });

  test.each([
    ["verl?fold=eq5", "fold"],
    ["sft?include=unchecked", "include"],
    ["jsonl?min_reward=1", "min_reward"],
    ["jsonl?table=policies", "table"],
    ["trl?fold=eq6", "fold"],
    ["trl?include=all", "include"],
    ["sft?min_reward=much", "min_reward"],
    ["sft?min_reward=", "min_reward"],
    ["slime", "view"],
    ["trl?limit=3", "limit"],
  ])("refuses %s and names %s", async (view, field) => {
    const response = await get(`${await publish(1)}/views/${view}`);
    expect(response.status).toBe(422);
    expect((await problem(response)).errors?.map((error) => error.field)).toEqual([field]);
  });

  test("for verl is refused where verl would not find the dataset's advantages", async () => {
    const id = await publish(1, { over: "turn", std: "n-1", eps: 1e-6 });
    const refused = await get(`${id}/views/verl`);
    expect(refused.status).toBe(422);
    expect((await problem(refused)).code).toBe("view_not_possible");
    expect(await lines(await get(`${id}/views/trl`))).toHaveLength(4);
  });

  test("of an unknown dataset is 404, of a deleted one 410", async () => {
    expect((await get("ds_none/views/jsonl")).status).toBe(404);
    const id = await publish(0.5);
    await createDatasetStore(env.DB).markDeleted("local", id, "2026-11-22T11:00:00.000Z");
    expect((await get(`${id}/views/jsonl`)).status).toBe(410);
  });

  test.each(["jsonl", "verl", "trl", "sft"])("%s is a problem where R2 fails before the first byte", async (view) => {
    const broken = () => Promise.reject(new StoreFault("records_unavailable", new Error("R2 is away")));
    const response = await get(`${await publish(1)}/views/${view}`, {}, { readRange: broken });
    expect(response.status).toBe(503);
    expect((await problem(response)).code).toBe("records_unavailable");
  });

  test("reads no further than its reader, and nothing after the reader went away", async () => {
    let reads = 0;
    const counted: DatasetFiles["readRange"] = (...range) => {
      reads += 1;
      return files.readRange(...range);
    };
    const id = await publish(1);
    const all = await get(`${id}/views/jsonl`, {}, { readRange: counted });
    await all.arrayBuffer();
    const whole = reads;
    reads = 0;
    const response = await get(`${id}/views/jsonl`, {}, { readRange: counted });
    await response.body?.cancel();
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThan(whole);
  });
});
