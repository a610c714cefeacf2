// The routes of exports and datasets over the real bindings: keys and tenants, ids that retries reach, files by ranges.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { createService } from "../../src/service.ts";
import { formatApiKey } from "../../src/lib/api-key.ts";
import { newId } from "../../src/lib/ids.ts";
import { sha256Hex } from "../../src/lib/sha256.ts";
import { ExportObject } from "../../src/http/routes/exports.ts";
import { DatasetFile } from "../../src/training/dataset/manifest.ts";
import { migrate } from "../support/migrate.ts";
import { readProblem } from "../support/problems.ts";
import { present, until } from "../support/session-object.ts";
import { seedGroup, workedExample } from "../support/training-fixtures.ts";

const { app } = createService({ ...env });
const keys = new Map<string, string>();

async function addKey(tenant: string, scopes: string): Promise<void> {
  const id = `key${String(keys.size).padStart(13, "0")}`;
  const secret = "s".repeat(32);
  await env.DB.prepare("INSERT INTO api_keys VALUES (?1, ?2, ?3, ?4, 'test', '2026-11-22T09:00:00.000Z', NULL)")
    .bind(id, await sha256Hex(secret), tenant, scopes)
    .run();
  keys.set(tenant, formatApiKey({ id, secret }));
}

interface Sent {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(tenant: string, path: string, { method, body, headers = {} }: Sent = {}): Promise<Response> {
  return app.request(`http://localhost${path}`, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      authorization: `Bearer ${keys.get(tenant) ?? ""}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function post(tenant: string, body: unknown, headers: Record<string, string> = {}): Promise<ExportObject> {
  const reply = await send(tenant, "/v1/exports", { body, headers });
  expect(reply.status).toBe(202);
  const made = ExportObject.parse(await reply.json());
  expect(reply.headers.get("location")).toBe(`/v1/exports/${made.id}`);
  return made;
}

async function ended(tenant: string, id: string): Promise<ExportObject> {
  const read = async () => ExportObject.parse(await (await send(tenant, `/v1/exports/${id}`)).json());
  await until(async () => (await read()).ended_at !== null);
  return read();
}

async function makeDataset(tenant: string, task: string): Promise<string> {
  await seedGroup(env, { tenant, task, rollouts: workedExample });
  const made = await ended(tenant, (await post(tenant, {})).id);
  expect(made.status).toBe("completed");
  return present(made.dataset_id, "dataset of a completed export");
}

async function problem(reply: Response): Promise<{ status: number; code: string }> {
  const { status, code } = await readProblem(reply);
  return { status, code };
}

beforeAll(async () => {
  await migrate(env.DB);
  await addKey("acme", "datasets");
  await addKey("other", "datasets");
  await addKey("solver", "solve,rollouts");
});

describe("POST /v1/exports", () => {
  test("answers at once with the export, which ends with a dataset", async () => {
    await seedGroup(env, { tenant: "acme", task: "first", rollouts: workedExample });
    const made = await post("acme", {});
    expect(made).toMatchObject({ trigger: "request", advantage_spec: "grpo/trajectory/std=n-1/eps=1e-6", error: null });
    const done = await ended("acme", made.id);
    expect(done).toMatchObject({ status: "completed", counts: { groups: 1, rollouts: 4, turns: 8 } });
    const listed = z
      .looseObject({ data: z.array(z.looseObject({ id: z.string() })) })
      .parse(await (await send("acme", "/v1/exports")).json());
    expect(listed.data[0]?.id).toBe(made.id);
  });

  test("reaches the same export again by its key, and refuses another body under it", async () => {
    const headers = { "idempotency-key": "nightly" };
    const made = await post("acme", { pass_at: 0.5 }, headers);
    await ended("acme", made.id);
    expect((await post("acme", { pass_at: 0.5 }, headers)).id).toBe(made.id);
    const again = await send("acme", "/v1/exports", { body: { pass_at: 0.5 }, headers });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const reused = await send("acme", "/v1/exports", { body: { pass_at: 0.25 }, headers });
    expect(await problem(reused)).toEqual({ status: 422, code: "idempotency_key_reused" });
    expect((await post("other", { pass_at: 0.25 }, headers)).id).not.toBe(made.id);
  });

  test("takes the key anew after 24 hours", async () => {
    const headers = { "idempotency-key": "daily" };
    const made = await post("acme", {}, headers);
    await ended("acme", made.id);
    await env.DB.prepare("UPDATE exports SET created_at = '2026-01-01T00:00:00.000Z' WHERE export_id = ?1")
      .bind(made.id)
      .run();
    const next = await post("acme", { pass_at: 2 }, headers);
    expect(next.id).not.toBe(made.id);
    expect((await post("acme", { pass_at: 2 }, headers)).id).toBe(next.id);
    // What still runs would claim the next test's group.
    await ended("acme", next.id);
  });

  test("names the field that is wrong", async () => {
    const bad: [unknown, string][] = [
      [{ advantage_spec: "ppo" }, "advantage_spec"],
      [{ min_valid: 1 }, "min_valid"],
      [{ max_staleness: -1 }, "max_staleness"],
      [{ allow_partial: "yes" }, "allow_partial"],
      [{ pass_at: "high" }, "pass_at"],
      [{ from_dataset: "ds_nothing" }, "from_dataset"],
      [{ batch_id: "" }, "batch_id"],
      [{ batch_id: "bat_misspelt" }, "batch_id"],
      [{ batch_id: newId("bat", { now: () => 0, random: (bytes) => bytes }) }, "batch_id"],
      [{ policy_version: "" }, "policy_version"],
      [{ policy_version: "planner-misspelt" }, "policy_version"],
      [{ from_dataset: "ds_nothing", min_valid: 3 }, "min_valid"],
      [{ surprise: 1 }, "surprise"],
    ];
    for (const [body, field] of bad) {
      const { status, errors } = await readProblem(await send("acme", "/v1/exports", { body }));
      expect([status, errors?.map((error) => error.field)]).toEqual([422, [field]]);
    }
  });

  test("takes the groups of a planner version that is registered nowhere any more", async () => {
    await seedGroup(env, { tenant: "acme", task: "older", rollouts: workedExample, policyVersion: "older-9" });
    const made = await ended("acme", (await post("acme", { policy_version: "older-9" })).id);
    expect(made).toMatchObject({ status: "completed", counts: { groups: 1 } });
  });

  test("makes another dataset of a claim by another rule", async () => {
    const source = await makeDataset("acme", "derived");
    const body = { from_dataset: source, advantage_spec: "grpo/turn/std=none/eps=0" };
    const made = await ended("acme", (await post("acme", body)).id);
    expect(made).toMatchObject({ status: "completed", from_dataset: source });
    expect(made.dataset_id).not.toBe(source);
    // The rule that it was made by gives itself.
    const same = await ended("acme", (await post("acme", { from_dataset: source })).id);
    expect(same).toMatchObject({ status: "completed", dataset_id: source });
  });
});

describe("GET /v1/datasets", () => {
  test("shows the manifest, what made it and what was trained on it", async () => {
    const id = await makeDataset("acme", "lineage");
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO policies (tenant, version, policy_step, endpoint, sha256, created_at)
         VALUES ('acme', 'planner-8', 8, '{}', 'ab', '2026-11-22T13:00:00.000Z')`,
      ),
      env.DB.prepare("INSERT INTO policy_datasets VALUES ('acme', 'planner-8', ?1)").bind(id),
    ]);
    const reply = await send("acme", `/v1/datasets/${id}`);
    expect(await reply.json()).toMatchObject({
      dataset_id: id,
      export_id: expect.stringMatching(/^exp_/),
      counts: { groups: 1 },
      policies: { made_it: ["planner-7"], trained_on_it: [{ version: "planner-8", policy_step: 8 }] },
    });
    const listed = z
      .looseObject({ data: z.array(z.looseObject({ id: z.string() })) })
      .parse(await (await send("acme", "/v1/datasets?limit=1")).json());
    expect(listed).toMatchObject({ data: [{ id }], has_more: true });
  });

  test("is 404 for another tenant, 403 without the scope", async () => {
    const id = await makeDataset("acme", "private");
    for (const path of [`/v1/datasets/${id}`, `/v1/datasets/${id}/files/manifest.json`]) {
      expect(await problem(await send("other", path))).toEqual({ status: 404, code: "not_found" });
      expect(await problem(await send("solver", path))).toEqual({ status: 403, code: "missing_scope" });
    }
    expect(await problem(await send("other", `/v1/datasets/${id}`, { method: "DELETE" }))).toEqual({
      status: 404,
      code: "not_found",
    });
    const own = await post("acme", {});
    await ended("acme", own.id);
    expect(await problem(await send("other", `/v1/exports/${own.id}`))).toEqual({ status: 404, code: "not_found" });
    expect(await problem(await send("other", "/v1/exports", { body: { from_dataset: id } }))).toEqual({
      status: 422,
      code: "unknown_dataset",
    });
    expect((await send("acme", `/v1/datasets/${id}`)).status).toBe(200);
  });
});

describe("a dataset's files", () => {
  async function turnsFile(id: string): Promise<DatasetFile> {
    const { files } = z
      .looseObject({ files: z.array(DatasetFile) })
      .parse(await (await send("acme", `/v1/datasets/${id}`)).json());
    return present(
      files.find(({ table }) => table === "turns"),
      "file of turns",
    );
  }

  test("are what the manifest says, and the manifest is there too", async () => {
    const id = await makeDataset("acme", "files");
    const file = await turnsFile(id);
    const reply = await send("acme", `/v1/datasets/${id}/files/${file.path}`);
    const bytes = new Uint8Array(await reply.arrayBuffer());
    expect([reply.status, bytes.length, await sha256Hex(bytes)]).toEqual([200, file.bytes, file.sha256]);
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      etag: `"${file.sha256}"`,
      "accept-ranges": "bytes",
      "content-type": "application/vnd.apache.parquet",
      "content-length": String(file.bytes),
    });
    expect(reply.headers.get("content-encoding")).toBeNull();
    const manifest = await send("acme", `/v1/datasets/${id}/files/manifest.json`);
    const content = new Uint8Array(await manifest.arrayBuffer());
    expect(manifest.headers.get("etag")).toBe(`"${await sha256Hex(content)}"`);
    expect(await problem(await send("acme", `/v1/datasets/${id}/files/other.parquet`))).toMatchObject({ status: 404 });
    expect(await problem(await send("acme", `/v1/datasets/${id}/files/..%2Fsecret`))).toMatchObject({ status: 404 });
  });

  test("are served by ranges", async () => {
    const id = await makeDataset("acme", "ranges");
    const { path, bytes, sha256 } = await turnsFile(id);
    const whole = new Uint8Array(await (await send("acme", `/v1/datasets/${id}/files/${path}`)).arrayBuffer());
    const part = async (range: string, more: Record<string, string> = {}) => {
      const reply = await send("acme", `/v1/datasets/${id}/files/${path}`, { headers: { range, ...more } });
      const body = new Uint8Array(await reply.arrayBuffer());
      return { status: reply.status, range: reply.headers.get("content-range"), body };
    };
    expect(await part("bytes=0-3")).toEqual({ status: 206, range: `bytes 0-3/${bytes}`, body: whole.slice(0, 4) });
    expect(await part("bytes=-8")).toEqual({
      status: 206,
      range: `bytes ${bytes - 8}-${bytes - 1}/${bytes}`,
      body: whole.slice(-8),
    });
    expect((await part("bytes=4-999999999")).body).toEqual(whole.slice(4));
    expect((await part("bytes=10-")).body).toEqual(whole.slice(10));
    expect((await part("bytes=0-3", { "if-range": `"${sha256}"` })).status).toBe(206);
    for (const [range, more] of [
      ["bytes=0-3", { "if-range": '"another"' }],
      ["bytes=0-1,4-5", {}],
      ["bytes=5-2", {}],
      ["lines=1-2", {}],
    ] as const) {
      expect([range, (await part(range, more)).status]).toEqual([range, 200]);
    }
    const beyond = await send("acme", `/v1/datasets/${id}/files/${path}`, { headers: { range: `bytes=${bytes}-` } });
    expect(beyond.headers.get("content-range")).toBe(`bytes */${bytes}`);
    expect(await problem(beyond)).toEqual({ status: 416, code: "range_not_satisfiable" });
  });

  test("are not sent to who has them", async () => {
    const id = await makeDataset("acme", "known");
    const { path, sha256 } = await turnsFile(id);
    for (const tag of [`"${sha256}"`, `"x", W/"${sha256}"`, "*"]) {
      const reply = await send("acme", `/v1/datasets/${id}/files/${path}`, { headers: { "if-none-match": tag } });
      expect([reply.status, await reply.text()]).toEqual([304, ""]);
    }
    const other = await send("acme", `/v1/datasets/${id}/files/${path}`, { headers: { "if-none-match": '"x"' } });
    expect(other.status).toBe(200);
    await other.arrayBuffer();
  });

  test("show their size to HEAD", async () => {
    const id = await makeDataset("acme", "head");
    const { path, bytes } = await turnsFile(id);
    const reply = await send("acme", `/v1/datasets/${id}/files/${path}`, { method: "HEAD" });
    expect([reply.status, reply.headers.get("content-length"), await reply.text()]).toEqual([200, String(bytes), ""]);
  });
});

describe("DELETE /v1/datasets/{id}", () => {
  test("removes every file; the id is 410 from then on, and is listed no more", async () => {
    const id = await makeDataset("acme", "deleted");
    const reply = await send("acme", `/v1/datasets/${id}`, { method: "DELETE" });
    expect(await reply.json()).toEqual({ id, deleted: true });
    expect((await env.BUCKET.list({ prefix: `datasets/${id}/` })).objects).toEqual([]);
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/files/manifest.json"],
      ["DELETE", ""],
    ] as const) {
      const gone = await send("acme", `/v1/datasets/${id}${path}`, { method });
      expect(await problem(gone)).toEqual({ status: 410, code: "erased" });
    }
    const text = await (await send("acme", "/v1/datasets?limit=100")).text();
    expect(text).not.toContain(id);
    const derive = await send("acme", "/v1/exports", { body: { from_dataset: id } });
    expect(await problem(derive)).toEqual({ status: 422, code: "unknown_dataset" });
  });

  test("leaves a retry of the export that was made from it its answer", async () => {
    const from_dataset = await makeDataset("acme", "derived from");
    const [body, headers] = [{ from_dataset }, { "idempotency-key": "derive once" }];
    const made = await post("acme", body, headers);
    await ended("acme", made.id);
    await send("acme", `/v1/datasets/${from_dataset}`, { method: "DELETE" });
    expect((await post("acme", body, headers)).id).toBe(made.id);
  });
});
