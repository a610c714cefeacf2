// A tenant connects an MCP server by itself, on a real server process with keys: its tools are in its own catalogue,
// single calls and runs, before and after a crash, and nobody else sees them. The secret is seen by the server alone.

import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { mcpKey, startMcpPeers } from "../support/peers/mcp.ts";
import { type MockOpenAi, startMockOpenAi } from "../support/mock-openai.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { until } from "../support/until.ts";
import { type Api, apiOf } from "./support/api.ts";
import { createKey } from "./support/keys.ts";

const state = temporaryDir();
const scopes = "solve,tools,datasets,admin";
const peers = await startMcpPeers();
const keys = new Map<string, string>();
let mock: MockOpenAi;
let server: Server;

async function start(): Promise<void> {
  server = await startServer({
    stateDir: state.path,
    env: {
      ALLOW_ANONYMOUS: "0",
      INFERENCE_BASE_URL: mock.url,
      INFERENCE_MODEL: "mock-model",
      LEASE_SECONDS: "1",
      FETCH_ALLOW: peers.host,
      TENANT_SECRET_STOCK: mcpKey,
      TENANT_SECRET_STOCK_FOR: `acme@${peers.host}`,
    },
  });
}

const as = (tenant: string): Api => apiOf(server.url, keys.get(tenant));

beforeAll(async () => {
  mock = await startMockOpenAi();
  for (const tenant of ["acme", "beta"]) {
    keys.set(tenant, await createKey(state.path, tenant, scopes));
  }
  await start();
  mock.on("planner", {
    json: { justification: "it knows", context: "A-1", sub_goal: "count A-1", tool_name: "stock__count" },
  });
  mock.on("executor", { json: { analysis: "one call", calls: [{ arguments: { sku: "A-1" } }] } });
  // Making a key starts a process of its own.
}, 600_000);

afterAll(async () => {
  await server.kill9();
  await mock.close();
  await peers.close();
  state.remove();
});

const Catalogue = z.looseObject({
  data: z.array(z.looseObject({ name: z.string() })),
  sources: z.array(z.looseObject({ name: z.string(), state: z.string() })),
});

/** Names of the connected tools, and the servers' states. */
async function catalogueOf(tenant: string) {
  const { data, sources } = Catalogue.parse(await (await as(tenant).send("GET", "/v1/tools")).json());
  return {
    tools: data.flatMap(({ name }) => (name.includes("__") ? [name] : [])),
    sources: sources.map(({ name, state: is }) => `${name} ${is}`),
  };
}

const put = (tenant: string, name: string, body: unknown) =>
  as(tenant).send("PUT", `/v1/mcp-servers/${name}`, { body });

async function call(tenant: string, name: string, args: unknown): Promise<unknown> {
  return (await as(tenant).send("POST", `/v1/tools/${name}/call`, { body: { arguments: args } })).json();
}

const query = { query: "How many A-1 are in stock?", limits: { max_turns: 1 } };

async function resultsOf(tenant: string, id: string): Promise<unknown[]> {
  const events = await as(tenant).events(id);
  return events.flatMap((event) => (event.type === "tool.completed" ? [event.result] : []));
}

test("a connected server's tools are in its tenant's catalogue and single calls, and in nobody else's", async () => {
  const body = { url: `${peers.origin}/locked`, secret: "TENANT_SECRET_STOCK", allowed_tools: ["count", "fail"] };
  const registered = await put("acme", "stock", body);
  expect(registered.status).toBe(201);
  expect(await catalogueOf("acme")).toEqual({ tools: ["stock__count", "stock__fail"], sources: ["stock ready"] });
  expect(await catalogueOf("beta")).toEqual({ tools: [], sources: [] });
  expect(await call("acme", "stock__count", { sku: "A-1" })).toMatchObject({
    ok: true,
    result: { sku: "A-1", count: 12 },
  });
  expect(await call("acme", "stock__fail", {})).toMatchObject({
    ok: false,
    error: { code: "tool_error", detail: "the store is closed for [secret]" },
  });
  expect(await call("beta", "stock__count", { sku: "A-1" })).toMatchObject({ status: 404, code: "not_found" });
});

test("a run uses them by name and by default; another tenant's run cannot name them", async () => {
  const named = await as("acme").solve({ ...query, tools: ["Stock Count"] });
  expect(await resultsOf("acme", named.id)).toEqual([{ sku: "A-1", count: 12 }]);
  const defaulted = await as("acme").solve(query);
  expect(await resultsOf("acme", defaulted.id)).toEqual([{ sku: "A-1", count: 12 }]);
  const refused = await as("beta").send("POST", "/v1/solve", { body: { ...query, tools: ["stock__count"] } });
  expect(await refused.json()).toMatchObject({ status: 422, errors: [{ field: "tools[0]", code: "unknown_tool" }] });
});

test("another tenant cannot use the secret, whatever server it names", async () => {
  const reply = await put("beta", "mine", { url: `${peers.origin}/locked`, secret: "TENANT_SECRET_STOCK" });
  expect(await reply.json()).toMatchObject({ status: 422, errors: [{ field: "secret", code: "secret_refused" }] });
  expect((await put("beta", "mine", { url: `${peers.origin}/locked` })).status).toBe(201);
  expect(await catalogueOf("beta")).toEqual({ tools: [], sources: ["mine unavailable"] });
});

test("a server that was connected or changed a moment ago is the one that the next run has", async () => {
  // An object that has just seen the tenant's servers would believe its list for half a minute.
  await put("acme", "late", { url: `${peers.origin}/modern`, allowed_tools: ["count"] });
  mock.on("planner", { json: { justification: "", context: "A-1", sub_goal: "count", tool_name: "late__count" } });
  const run = await as("acme").solve({ ...query, tools: ["late__count"] });
  expect(await resultsOf("acme", run.id)).toEqual([{ sku: "A-1", count: 12 }]);
  await put("acme", "late", { url: `${peers.origin}/legacy`, allowed_tools: ["order"] });
  expect((await catalogueOf("acme")).tools).toEqual(["late__order", "stock__count", "stock__fail"]);
  expect((await as("acme").send("DELETE", "/v1/mcp-servers/late")).status).toBe(200);
  expect((await catalogueOf("acme")).sources).toEqual(["stock ready"]);
});

test("a run that the power cut goes on with its tenant's server", async () => {
  mock.on("planner", { json: { justification: "", context: "A-1", sub_goal: "count", tool_name: "stock__count" } });
  mock.on("executor", { fault: "hang" });
  const { id } = await as("acme").start({ ...query, tools: ["stock__count"] });
  await until("the executor is asked", async () =>
    mock.requestsOf("executor").some((request) => request.run === id) ? true : null,
  );
  await server.kill9();
  mock.on("executor", { json: { analysis: "one call", calls: [{ arguments: { sku: "A-1" } }] } });
  await start();
  await as("acme").ended(id);
  expect(await resultsOf("acme", id)).toEqual([{ sku: "A-1", count: 12 }]);
});

test("the secret stands in nothing that was said, logged or recorded", async () => {
  const run = await as("acme").solve({ ...query, tools: ["stock__count"] });
  const shown = await Promise.all(
    [`/v1/runs/${run.id}/record`, `/v1/runs/${run.id}/events?detail=full`, "/v1/tools", "/v1/mcp-servers"].map(
      async (path) => (await as("acme").send("GET", path, { headers: { accept: "application/json" } })).text(),
    ),
  );
  expect(shown.join().includes("stock__count")).toBe(true);
  expect(JSON.stringify([shown, server.output(), mock.requests])).not.toContain(mcpKey);
  expect(peers.requests.some(({ headers }) => headers["authorization"] === `Bearer ${mcpKey}`)).toBe(true);
});
