// MCP servers of tenants over HTTP and D1: connected, changed, listed and removed, by their own tenant alone; what is
// wrong with a request is named; and what a run sees of a change.

import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createMcpServerStore } from "../../src/store/mcp-servers.ts";
import { StoreFault } from "../../src/store/store-fault.ts";
import { maxServersPerTenant } from "../../src/tools/mcp/registry.ts";
import { createWorld, startMs } from "../support/http-services.ts";
import { migrate } from "../support/migrate.ts";
import { readProblem, summary } from "../support/problems.ts";
import { realMcpServers } from "../support/real-mcp-servers.ts";
import { loseTable } from "../support/session-stores.ts";

beforeAll(() => migrate(env.DB));

const variables = {
  TENANT_SECRET_STOCK: "k-123456",
  TENANT_SECRET_STOCK_FOR: "whole@mcp.example.com, changed@mcp.example.com",
  MCP_SERVERS: JSON.stringify([
    { name: "common", url: "https://common.example.com/mcp" },
    { name: "theirs", url: "https://common.example.com/mcp", tenants: ["somebody"] },
  ]),
};
const url = "https://mcp.example.com/mcp";

/** A tenant of the test's own, for storage is shared inside a file. */
async function asTenant(tenant: string, scopes = "admin") {
  const time = { nowMs: startMs };
  const mcpServers = realMcpServers(variables, time);
  const world = createWorld({ keyed: true, mcpServers });
  const authorization = `Bearer ${await world.addKey(tenant, scopes)}`;
  const send = (method: string, path: string, body?: unknown) =>
    Promise.resolve(
      world.app.request(`http://localhost:8787${path}`, {
        method,
        headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  return {
    time,
    send,
    put: (name: string, body: unknown) => send("PUT", `/v1/mcp-servers/${name}`, body),
    remove: (name: string) => send("DELETE", `/v1/mcp-servers/${name}`),
    list: () => send("GET", "/v1/mcp-servers"),
    sources: async (age: "kept" | "fresh" = "kept") =>
      (await mcpServers.sourcesOf(tenant, age)).map(({ name }) => name),
  };
}

const shown = {
  name: "stock",
  url,
  secret: null,
  header: null,
  allowed_tools: null,
  timeout_seconds: 60,
  repeat: null,
  created_at: new Date(startMs).toISOString(),
  updated_at: new Date(startMs).toISOString(),
};

describe("PUT /v1/mcp-servers/{name}", () => {
  test("connects a server, and never shows the secret's value", async () => {
    const { put, list, send } = await asTenant("whole");
    const body = { url, secret: "TENANT_SECRET_STOCK", header: "X-Api-Key", allowed_tools: ["count"], repeat: "never" };
    const reply = await put("stock", { ...body, timeout_seconds: 5 });
    expect(reply.status).toBe(201);
    const expected = { ...shown, ...body, header: "x-api-key", timeout_seconds: 5 };
    expect(await reply.json()).toEqual(expected);
    const listed = await (await list()).text();
    expect(listed).not.toContain("k-123456");
    expect(JSON.parse(listed)).toEqual({ data: [expected], has_more: false, next_cursor: null });
    expect(await (await send("GET", "/v1/mcp-servers/stock")).json()).toEqual(expected);
  });

  test("needs a URL alone; a secret without a header goes into `authorization`", async () => {
    const { put } = await asTenant("changed");
    expect(await (await put("stock", { url })).json()).toEqual(shown);
    expect(await (await put("stock", { url, secret: "TENANT_SECRET_STOCK" })).json()).toMatchObject({
      secret: "TENANT_SECRET_STOCK",
      header: "authorization",
    });
  });

  test("changes a server that is there, and keeps when it was connected", async () => {
    const { put, list, time } = await asTenant("again");
    await put("stock", { url, allowed_tools: ["count"] });
    time.nowMs += 1000;
    const reply = await put("stock", { url: "https://other.example.com/mcp" });
    expect(reply.status).toBe(200);
    const changed = {
      ...shown,
      url: "https://other.example.com/mcp",
      updated_at: new Date(startMs + 1000).toISOString(),
    };
    expect(await reply.json()).toEqual(changed);
    expect(await (await list()).json()).toMatchObject({ data: [changed] });
  });

  test.each<[field: string, code: string, name: string, body: unknown]>([
    ["name", "invalid_format", "Stock", { url }],
    ["name", "invalid_format", "s".repeat(33), { url }],
    ["name", "name_taken", "common", { url }],
    ["url", "required", "stock", {}],
    ["url", "too_small", "stock", { url: "" }],
    ["url", "bad_url", "stock", { url: "mcp.example.com" }],
    ["url", "bad_url", "stock", { url: "ftp://mcp.example.com/" }],
    ["url", "bad_url", "stock", { url: "https://me:pass@mcp.example.com/" }],
    ["url", "bad_url", "stock", { url: "https://mcp.example.com/?key=k-123456" }],
    ["url", "address_refused", "stock", { url: "http://127.0.0.1/mcp" }],
    ["url", "address_refused", "stock", { url: "http://[::ffff:7f00:1]/mcp" }],
    ["url", "address_refused", "stock", { url: "http://2130706433/mcp" }],
    ["url", "address_refused", "stock", { url: "http://metadata.google.internal/" }],
    ["url", "port_refused", "stock", { url: "https://mcp.example.com:8000/mcp" }],
    ["secret", "secret_refused", "stock", { url, secret: "TENANT_SECRET_STOCK" }],
    ["secret", "secret_refused", "stock", { url, secret: "TENANT_SECRET_NONE" }],
    ["secret", "invalid_format", "stock", { url, secret: "TOOL_SECRET_STOCK" }],
    ["secret", "invalid_format", "stock", { url, secret: "k-123456" }],
    ["header", "custom", "stock", { url, header: "x-api-key" }],
    ["header", "custom", "stock", { url, secret: "TENANT_SECRET_STOCK", header: "User-Agent" }],
    ["header", "custom", "stock", { url, secret: "TENANT_SECRET_STOCK", header: "accept-language" }],
    ["header", "custom", "stock", { url, secret: "TENANT_SECRET_STOCK", header: "Host" }],
    ["header", "custom", "stock", { url, secret: "TENANT_SECRET_STOCK", header: "mcp-session-id" }],
    ["header", "invalid_format", "stock", { url, secret: "TENANT_SECRET_STOCK", header: "a b" }],
    ["allowed_tools", "too_small", "stock", { url, allowed_tools: [] }],
    ["allowed_tools[0]", "invalid_type", "stock", { url, allowed_tools: [7] }],
    ["timeout_seconds", "too_big", "stock", { url, timeout_seconds: 121 }],
    ["repeat", "invalid_value", "stock", { url, repeat: "often" }],
    ["tenants", "unknown_field", "stock", { url, tenants: ["other"] }],
    ["token", "unknown_field", "stock", { url, token: "k-123456" }],
  ])("names %s as %s: %s %j", async (field, code, name, body) => {
    const { put, list } = await asTenant("invalid");
    const problem = await readProblem(await put(name, body));
    expect(problem.status).toBe(422);
    expect(problem.errors).toContainEqual(expect.objectContaining({ field, code }));
    expect(JSON.stringify(problem)).not.toContain("k-123456");
    expect(await (await list()).json()).toMatchObject({ data: [] });
  });

  test("takes a name that the operator gave to another tenant", async () => {
    const { put } = await asTenant("free-name");
    expect((await put("theirs", { url })).status).toBe(201);
  });

  test(`connects ${maxServersPerTenant} servers and no more, also at the same time`, async () => {
    const { put, remove } = await asTenant("many");
    const names = Array.from({ length: maxServersPerTenant + 4 }, (_, index) => `s${index}`);
    const replies = await Promise.all(names.map((name) => put(name, { url })));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(maxServersPerTenant);
    const refused = replies.find(({ status }) => status !== 201) ?? replies[0];
    const problem = refused === undefined ? null : await readProblem(refused);
    expect(problem?.errors).toMatchObject([{ field: "name", code: "too_many" }]);
    const connected = names[replies.findIndex(({ status }) => status === 201)] ?? "";
    // One that is there can be changed, and its place given to another.
    expect((await put(connected, { url })).status).toBe(200);
    expect((await remove(connected)).status).toBe(200);
    expect((await put("another", { url })).status).toBe(201);
  });
});

describe("access", () => {
  test("is for the scope admin alone", async () => {
    const { put, list, remove, send } = await asTenant("scopes", "solve,tools,rollouts,datasets");
    const replies = [
      await put("stock", { url }),
      await list(),
      await send("GET", "/v1/mcp-servers/stock"),
      await remove("stock"),
    ];
    for (const reply of replies) {
      expect(await summary(reply)).toBe("403 missing_scope");
    }
  });

  test("to another tenant's server is 404, and its name is free", async () => {
    const [owner, other] = [await asTenant("owner"), await asTenant("other")];
    await owner.put("stock", { url });
    expect(await summary(await other.send("GET", "/v1/mcp-servers/stock"))).toBe("404 not_found");
    expect(await summary(await other.remove("stock"))).toBe("404 not_found");
    expect(await (await other.list()).json()).toMatchObject({ data: [] });
    expect(await other.sources()).toEqual([]);
    expect((await other.put("stock", { url: "https://theirs.example.com/" })).status).toBe(201);
    expect(await (await owner.send("GET", "/v1/mcp-servers/stock")).json()).toMatchObject({ url });
  });
});

test("a removed server is gone, and may be connected anew", async () => {
  const { put, remove, send } = await asTenant("removed");
  await put("stock", { url });
  const removed = await remove("stock");
  expect([removed.status, await removed.json()]).toEqual([200, { name: "stock", deleted: true }]);
  expect(await summary(await remove("stock"))).toBe("404 not_found");
  expect(await summary(await send("GET", "/v1/mcp-servers/stock"))).toBe("404 not_found");
  expect((await put("stock", { url })).status).toBe(201);
});

test("a change shows at once where it was made, elsewhere within half a minute, and at once where one asks anew", async () => {
  const [here, elsewhere] = [await asTenant("late"), await asTenant("late")];
  expect(await elsewhere.sources()).toEqual([]);
  await here.put("stock", { url });
  expect(await here.sources()).toEqual(["stock"]);
  expect(await elsewhere.sources()).toEqual([]);
  elsewhere.time.nowMs += 30_000;
  expect(await elsewhere.sources()).toEqual(["stock"]);
  await here.remove("stock");
  expect(await here.sources()).toEqual([]);
  expect(await elsewhere.sources()).toEqual(["stock"]);
  expect(await elsewhere.sources("fresh")).toEqual([]);
});

test("an outage of the database leaves runs the servers that were read last, for an hour", async () => {
  const { put, sources, time } = await asTenant("outage");
  await put("stock", { url });
  expect(await sources()).toEqual(["stock"]);
  const restore = await loseTable("mcp_servers");
  try {
    expect(await sources("fresh")).toEqual(["stock"]);
    time.nowMs += 3_599_999;
    expect(await sources()).toEqual(["stock"]);
    time.nowMs += 1;
    await expect(sources()).rejects.toThrow(StoreFault);
  } finally {
    await restore();
  }
});

test("a database that is down is 503, and no empty list", async () => {
  const { list, sources } = await asTenant("down");
  const restore = await loseTable("mcp_servers");
  try {
    expect(await summary(await list())).toBe("503 ledger_unavailable");
    await expect(sources()).rejects.toThrow(StoreFault);
    await expect(createMcpServerStore(env.DB).delete("down", "stock")).rejects.toThrow(StoreFault);
  } finally {
    await restore();
  }
});
