// Planner versions over HTTP: registered, listed, activated, and given to new runs; by their own tenant alone.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { offlineWeights } from "../../src/engines/offline/engine.ts";
import { untrainedWeights } from "../../src/engines/offline/policy/weights.ts";
import { createApp } from "../../src/http/app.ts";
import { createWorld, startMs, type TestWorld } from "../support/http-services.ts";
import { migrate } from "../support/migrate.ts";
import { readProblem, summary } from "../support/problems.ts";
import { realPolicies } from "../support/real-policies.ts";

beforeAll(() => migrate(env.DB));

const variables = { TENANT_SECRET_VLLM: "k-123456", TENANT_SECRET_VLLM_FOR: "hosted@vllm.example.com" };

function createPolicyWorld(): TestWorld {
  return createWorld({
    keyed: true,
    autoAnswer: "42",
    policies: realPolicies("@cf/configured", variables),
  });
}

const hosted = { base_url: "https://vllm.example.com/v1", model: "planner" };
const offline = (version: string) => ({ engine: "offline", weights: untrainedWeights(version) });

/** A tenant of the test's own, for storage is shared inside a file. */
async function asTenant(tenant: string, scopes = "solve,admin", world = createPolicyWorld()) {
  const authorization = `Bearer ${await world.addKey(tenant, scopes)}`;
  const send = (method: string, path: string, body?: unknown) =>
    Promise.resolve(
      world.app.request(`http://localhost:8787${path}`, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    );
  return {
    world,
    send,
    put: (version: string, body: unknown) => send("PUT", `/v1/policies/${version}`, body),
    get: (path: string) => send("GET", path),
    activate: (version: string) => send("POST", `/v1/policies/${encodeURIComponent(version)}/activate`),
  };
}

const Page = z.object({
  data: z.array(z.object({ version: z.string(), policy_step: z.int(), active: z.boolean() })),
  next_cursor: z.string().nullable(),
});

describe("PUT /v1/policies/{version}", () => {
  test("registers a model's server, and never shows the secret's value", async () => {
    const { put, get } = await asTenant("hosted");
    const reply = await put("v1", { ...hosted, secret: "TENANT_SECRET_VLLM", logprobs_mode: "processed" });
    expect(reply.status).toBe(201);
    const text = await reply.text();
    expect(text).not.toContain("k-123456");
    expect(JSON.parse(text)).toEqual({
      version: "v1",
      policy_step: 1,
      engine: "openai-compatible",
      active: false,
      model: "planner",
      base_url: "https://vllm.example.com/v1",
      secret: "TENANT_SECRET_VLLM",
      logprobs_mode: "processed",
      datasets: [],
      created_at: new Date(startMs).toISOString(),
    });
    expect(await (await get("/v1/policies/v1")).text()).not.toContain("k-123456");
  });

  test("registers the shipped weights under another name, and keeps them in R2", async () => {
    const { put } = await asTenant("offline");
    const reply = await put("iteration-1", {
      engine: "offline",
      weights: { ...offlineWeights, version: "iteration-1" },
    });
    expect(reply.status).toBe(201);
    expect(await reply.json()).toMatchObject({ engine: "offline", model: "offline-planner/iteration-1" });
    const { objects } = await env.BUCKET.list({ prefix: "policies/offline/" });
    expect(objects).toHaveLength(1);
  });

  test("takes weights of full precision: the largest body fits", async () => {
    const { put } = await asTenant("precise");
    const weights = untrainedWeights("v1");
    const rows = weights.rows.map((row, index) => row.map((_, at) => -Math.PI / (index + at + 7) / 1e7));
    expect((await put("v1", { engine: "offline", weights: { ...weights, rows } })).status).toBe(201);
  });

  test("again with the same body is 200, with another 409", async () => {
    const { put } = await asTenant("again");
    expect((await put("v1", hosted)).status).toBe(201);
    const again = await put("v1", hosted);
    expect([again.status, await again.json()]).toEqual([200, expect.objectContaining({ policy_step: 1 })]);
    const other = await put("v1", { ...hosted, model: "other" });
    expect(other.headers.get("x-should-retry")).toBe("false");
    expect(await summary(other)).toBe("409 policy_conflict");
  });

  test.each<[field: string, code: string, version: string, body: unknown]>([
    ["version", "invalid_format", "-v1", hosted],
    ["version", "invalid_format", "v%2F1", hosted],
    ["base_url", "required", "v1", { model: "m" }],
    ["model", "required", "v1", { base_url: "https://vllm.example.com" }],
    ["base_url", "address_refused", "v1", { ...hosted, base_url: "http://127.0.0.1/v1" }],
    ["base_url", "address_refused", "v1", { ...hosted, base_url: "http://[::ffff:7f00:1]/v1" }],
    ["base_url", "port_refused", "v1", { ...hosted, base_url: "https://vllm.example.com:8000/v1" }],
    ["base_url", "bad_url", "v1", { ...hosted, base_url: "ftp://vllm.example.com" }],
    ["secret", "secret_refused", "v1", { ...hosted, secret: "TENANT_SECRET_VLLM" }],
    ["secret", "invalid_format", "v1", { ...hosted, secret: "INFERENCE_API_KEY" }],
    ["datasets[0]", "unknown_dataset", "v1", { ...hosted, datasets: ["ds_00000000000000000000000000"] }],
    ["datasets[0]", "custom", "v1", { ...hosted, datasets: ["nothing"] }],
    ["weights.version", "version_differs", "v1", offline("v2")],
    ["weights.rows", "too_small", "v1", { engine: "offline", weights: { ...untrainedWeights("v1"), rows: [] } }],
    ["weights", "required", "v1", { engine: "offline" }],
    ["weights", "unknown_field", "v1", { ...hosted, weights: {} }],
    ["engine", "invalid_value", "v1", { engine: "magic" }],
    ["api_key", "unknown_field", "v1", { ...hosted, api_key: "k" }],
  ])("names %s as %s", async (field, code, version, body) => {
    const { put } = await asTenant("invalid");
    const problem = await readProblem(await put(version, body));
    expect(problem.status).toBe(422);
    expect(problem.errors).toContainEqual(expect.objectContaining({ field, code }));
  });

  test("has the body cap of every request", async () => {
    const { put } = await asTenant("large");
    expect(await summary(await put("v1", JSON.stringify({ ...hosted, model: "m".repeat(1_100_000) })))).toBe(
      "413 body_too_large",
    );
  });
});

describe("access", () => {
  test("is for the scope admin alone", async () => {
    const { put, get, activate } = await asTenant("scopes", "solve,tools,rollouts,datasets");
    for (const reply of [
      await put("v1", hosted),
      await get("/v1/policies"),
      await get("/v1/policies/v1"),
      await activate("v1"),
    ]) {
      expect(await summary(reply)).toBe("403 missing_scope");
    }
  });

  test("to another tenant's version is 404, and its name is free", async () => {
    const world = createPolicyWorld();
    const owner = await asTenant("owner", "solve,admin", world);
    const other = await asTenant("other", "solve,admin", world);
    await owner.put("v1", hosted);
    expect(await summary(await other.get("/v1/policies/v1"))).toBe("404 not_found");
    expect(await summary(await other.activate("v1"))).toBe("404 not_found");
    expect(await summary(await other.send("POST", "/v1/solve", { query: "q", policy: "v1" }))).toBe(
      "422 unknown_policy",
    );
    expect((await other.put("v1", { ...hosted, model: "theirs" })).status).toBe(201);
  });

  test("with another method is 405", async () => {
    const { send } = await asTenant("methods");
    const reply = await send("DELETE", "/v1/policies/v1");
    expect(reply.headers.get("allow")).toContain("PUT");
    expect(await summary(reply)).toBe("405 method_not_allowed");
  });
});

describe("the active version", () => {
  test("is given to new runs, shown in the info and pinned in the run; a named one wins", async () => {
    const { put, get, activate, send } = await asTenant("active");
    await put("v1", hosted);
    await put("v2", hosted);
    const solve = async (policy?: string) => {
      const reply = await send("POST", "/v1/solve", { query: "q", ...(policy === undefined ? {} : { policy }) });
      return z.object({ policy_version: z.string() }).parse(await reply.json()).policy_version;
    };
    const shown = async () => z.object({ policy_version: z.string() }).parse(await (await get("/v1/info")).json());
    expect(await solve()).toBe("@cf/configured");
    const activated = await activate("v1");
    expect([activated.status, await activated.json()]).toEqual([
      200,
      expect.objectContaining({ version: "v1", active: true }),
    ]);
    expect(await solve()).toBe("v1");
    expect(await shown()).toEqual({ policy_version: "v1" });
    expect(await solve("v2")).toBe("v2");
    expect(await solve("@cf/configured")).toBe("@cf/configured");
    expect(await (await activate("@cf/configured")).json()).toMatchObject({ engine: "configured", active: true });
    expect(await solve()).toBe("@cf/configured");
  });

  test.each([
    { configured: "@cf/configured", own: ["base_generator", "python_coder", "web_read"] },
    { configured: "offline-planner/offline-1", own: ["base_generator", "python_coder"] },
  ])("decides which tools a run gets that names none: $configured is configured", async ({ configured, own }) => {
    const policies = realPolicies(configured, variables);
    const base = createWorld({ keyed: true, autoAnswer: "42", policies, plannerOf: policies.plannerOf });
    const [first] = base.services.tools;
    const tools = [...base.services.tools, ...(first === undefined ? [] : [{ ...first, name: "web_read" }])];
    const toolsFor = () => Promise.resolve({ tools, sources: [] });
    const app = createApp({ ...base.services, tools, toolsFor });
    const { put, get, activate, send } = await asTenant(`by-default-${own.length}`, "solve,admin", { ...base, app });
    await put("hosted", hosted);
    await put("offline", offline("offline"));
    const shown = async () => {
      const listed = z.object({ data: z.array(z.object({ name: z.string(), by_default: z.boolean() })) });
      const { data } = listed.parse(await (await get("/v1/tools")).json());
      return data.filter(({ by_default }) => by_default).map(({ name }) => name);
    };
    const given = async (policy?: string) => {
      const reply = await send("POST", "/v1/solve", { query: "q", ...(policy === undefined ? {} : { policy }) });
      return z.object({ tools: z.array(z.string()) }).parse(await reply.json()).tools;
    };
    const two = ["base_generator", "python_coder"];
    expect([await shown(), await given()]).toEqual([own, own]);
    await activate("hosted");
    expect([await shown(), await given(), await given("offline")]).toEqual([
      [...two, "web_read"],
      [...two, "web_read"],
      two,
    ]);
    await activate("offline");
    expect([await shown(), await given(), await given(configured)]).toEqual([two, two, own]);
  });

  test("cannot be one that is not there", async () => {
    const { activate } = await asTenant("nothing");
    expect(await summary(await activate("v1"))).toBe("404 not_found");
  });
});

test("a list goes page by page with the active one marked, the configured planner last", async () => {
  const { put, get, activate } = await asTenant("listed");
  for (const version of ["v1", "v2", "v3"]) {
    await put(version, hosted);
  }
  await activate("v2");
  const first = Page.parse(await (await get("/v1/policies?limit=2")).json());
  expect(first.data.map((one) => [one.version, one.active])).toEqual([
    ["v3", false],
    ["v2", true],
  ]);
  const last = Page.parse(await (await get(`/v1/policies?limit=2&cursor=${first.next_cursor}`)).json());
  expect(last).toMatchObject({
    data: [{ version: "v1" }, { version: "@cf/configured", policy_step: 0 }],
    next_cursor: null,
  });
  expect(await summary(await get("/v1/policies?cursor=x"))).toBe("422 invalid_request");
});

test("a version shows what it was trained on and what was made with it", async () => {
  const { put, get } = await asTenant("lineage");
  const trained = `ds_${"1".padStart(26, "0")}`;
  const made = `ds_${"2".padStart(26, "0")}`;
  for (const [id, claim] of [
    [trained, "c1"],
    [made, "c2"],
  ]) {
    await env.DB.prepare("INSERT INTO datasets VALUES (?1, 'lineage', 'exp_1', ?2, 'grpo', '', '{}', '', NULL)")
      .bind(id, claim)
      .run();
  }
  await env.DB.exec(
    "INSERT INTO groups VALUES ('grp_l', 'lineage', 'bat_1', 't', 0, 'train', 'v1', 1, 8, '', '', 1, 'c2', NULL)",
  );
  await put("v1", { ...hosted, datasets: [trained] });
  expect(await (await get("/v1/policies/v1")).json()).toMatchObject({ datasets: [trained], made_datasets: [made] });
});
