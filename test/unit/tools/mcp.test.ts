// Tools of MCP servers, over real sockets to servers of the official SDK in each era and to ones that misbehave.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type McpPeers, mcpKey, startMcpPeers } from "../../support/peers/mcp.ts";
import { until } from "../../support/until.ts";
import { connect, sourceOf, toolsOf } from "./connected.ts";
import { callTool, toolContext } from "./support.ts";
import * as z from "zod";
import { parametersOf } from "../../../src/agent/prompts/tool-card.ts";
import { invalidRequest } from "../../../src/http/problem.ts";

const running: { peers?: McpPeers } = {};
const peers = (): McpPeers => {
  if (running.peers === undefined) {
    throw new Error("the peers are not started");
  }
  return running.peers;
};
beforeAll(async () => {
  running.peers = await startMcpPeers();
});
afterAll(() => running.peers?.close());

function stock(path: string, more: Readonly<Record<string, unknown>> = {}, variables: Record<string, string> = {}) {
  return connect({
    FETCH_ALLOW: peers().host,
    MCP_SERVERS: JSON.stringify([{ name: "stock", url: `${peers().origin}/${path}`, ...more }]),
    ...variables,
  });
}

describe.each(["modern", "legacy", "sse"])("a server of the %s era", (path) => {
  test("lists its tools with their schemas and what a crash may do to them", async () => {
    const tools = await toolsOf(stock(path));
    expect(tools.map(({ name, repeat }) => `${name} ${repeat}`)).toEqual([
      "stock__count safe",
      "stock__order never",
      "stock__fail never",
      "stock__picture never",
      "stock__hang never",
      "stock__much never",
    ]);
    expect(tools[0] === undefined ? null : parametersOf(tools[0])).toEqual({
      type: "object",
      properties: { sku: { type: "string", minLength: 1, description: "The article's number." } },
      required: ["sku"],
      additionalProperties: {},
    });
  });

  test("answers with structured content and says who answered", async () => {
    expect(await callTool(await toolsOf(stock(path)), "stock__count", { sku: "A-1" })).toEqual({
      ok: true,
      value: { result: { sku: "A-1", count: 12 }, producedBy: "stock 2.1.0, tool count" },
    });
  });

  test("names what is no text, and fails with the server's words", async () => {
    const tools = await toolsOf(stock(path));
    expect(await callTool(tools, "stock__picture", {})).toMatchObject({
      value: { result: ["front", { type: "image", mime_type: "image/png", left_out: "4 characters of base64" }] },
    });
    expect(await callTool(tools, "stock__fail", {})).toMatchObject({
      error: { code: "tool_error", detail: `the store is closed for ${mcpKey}` },
    });
  });

  test("carries the call's key and ends with its signal", async () => {
    const tools = await toolsOf(stock(path));
    const abort = new AbortController();
    const before = peers().requests.length;
    const hanging = callTool(tools, "stock__hang", {}, abort.signal);
    await until("the call has arrived", () =>
      Promise.resolve(
        peers()
          .requests.slice(before)
          .some(({ rpc }) => rpc === "tools/call")
          ? true
          : null,
      ),
    );
    abort.abort();
    expect(await hanging).toMatchObject({ ok: false, error: { code: "aborted" } });
    const call = peers()
      .requests.slice(before)
      .find(({ rpc }) => rpc === "tools/call");
    expect(call?.headers["idempotency-key"]).toBe("run_1/1/0");
  });

  test.each([
    ["limited", "rate_limited"],
    ["broken", "server_error"],
    ["denied", "access_denied"],
    ["inward", "address_refused"],
    ["reset", "connection_failed"],
  ])("that is %s when a tool is called fails with %s", async (fault, code) => {
    expect(await callTool(await toolsOf(stock(path)), "stock__count", { sku: `fault-${fault}-${path}` })).toMatchObject(
      {
        ok: false,
        error: { code },
      },
    );
  });

  test("is not read beyond the cap", async () => {
    expect(await callTool(await toolsOf(stock(path)), "stock__much", {})).toMatchObject({
      ok: false,
      error: { code: "too_large" },
    });
  });
});

test("a call of a server of 2026 is one request, and an old server's session is ended", async () => {
  const requestsOf = async (path: string) => {
    const tools = await toolsOf(stock(path));
    const before = peers().requests.length;
    await callTool(tools, "stock__count", { sku: "A-1" });
    return peers()
      .requests.slice(before)
      .map(({ method, rpc }) => rpc ?? method);
  };
  expect(await requestsOf("modern")).toEqual(["tools/call"]);
  expect(await requestsOf("legacy")).toEqual(["initialize", "notifications/initialized", "tools/call", "DELETE"]);
});

test("arguments that do not fit the server's schema are refused before it is asked", async () => {
  const [count] = await toolsOf(stock("modern"));
  expect(count?.parameters.safeParse({ sku: "" }).error?.issues[0]?.path).toEqual(["sku"]);
  const missing = count?.parameters.safeParse({}, { reportInput: true }).error ?? new z.ZodError([]);
  expect(invalidRequest(missing, "field").errors).toEqual([
    { field: "sku", code: "required", detail: "This is required." },
  ]);
  expect(count?.parameters.safeParse({ sku: "A-1" }).data).toEqual({ sku: "A-1" });
});

describe("a list", () => {
  test("is kept for as long as the server says", async () => {
    peers().ttlMs = 60_000;
    const connected = stock("modern");
    const asked = async () => {
      const before = peers().requests.length;
      await toolsOf(connected);
      return peers().requests.length - before;
    };
    expect(await asked()).toBe(2);
    connected.now = 59_999;
    expect(await asked()).toBe(0);
    connected.now = 60_000;
    expect(await asked()).toBe(2);
  });

  test("is kept for five minutes where an old server says nothing", async () => {
    const connected = stock("legacy");
    await toolsOf(connected);
    const before = peers().requests.length;
    connected.now = 299_999;
    await toolsOf(connected);
    expect(peers().requests.length).toBe(before);
    connected.now = 300_000;
    await toolsOf(connected);
    expect(peers().requests.length).toBeGreaterThan(before);
  });

  test("holds the tools that were asked for, and says which are not there", async () => {
    const connected = stock("modern", { tools: ["count", "audit"] });
    expect((await toolsOf(connected)).map(({ name }) => name)).toEqual(["stock__count"]);
    expect(await sourceOf(connected, "stock")).toMatchObject({
      state: "ready",
      version: "stock 2.1.0",
      tools: ["stock__count"],
      skipped: [{ name: "audit", reason: "the server has no such tool" }],
    });
  });
});

describe("a secret", () => {
  test("goes to the server, and is taken out of what it says", async () => {
    const connected = stock("locked", { secret: "TOOL_SECRET_STOCK" }, { TOOL_SECRET_STOCK: mcpKey });
    expect(await callTool(await toolsOf(connected), "stock__fail", {})).toMatchObject({
      error: { detail: "the store is closed for [secret]", result: "the store is closed for [secret]" },
    });
  });

  test("that is not set is what the server needs", async () => {
    expect(await sourceOf(stock("locked", { secret: "TOOL_SECRET_STOCK" }), "stock")).toMatchObject({
      state: "needs",
      detail: "TOOL_SECRET_STOCK",
    });
  });

  test("of a tenant serves this tenant alone", async () => {
    const variables = { TENANT_SECRET_STOCK: mcpKey, TENANT_SECRET_STOCK_FOR: `acme@${peers().host}` };
    const connected = stock("locked", { secret: "TENANT_SECRET_STOCK" }, variables);
    expect(await sourceOf(connected, "stock", "acme")).toMatchObject({ state: "ready" });
    expect(await sourceOf(connected, "stock", "beta")).toMatchObject({
      state: "needs",
      detail: "TENANT_SECRET_STOCK for this tenant and host",
    });
  });

  test("that is wrong shows as such", async () => {
    expect(await sourceOf(stock("locked"), "stock")).toMatchObject({
      state: "unavailable",
      detail: "access_denied: the server answered with status 401",
    });
  });
});

describe("a server that misbehaves offers nothing and says why", () => {
  test.each([
    ["broken", "server_error"],
    ["garbage", "bad_reply"],
    ["inward", "address_refused"],
    ["endless", "too_large"],
    ["nowhere", "not_found"],
  ])("%s", async (path, code) => {
    const connected = stock(path);
    expect(await toolsOf(connected)).toEqual([]);
    expect(await sourceOf(connected, "stock")).toMatchObject({
      state: "unavailable",
      detail: expect.stringContaining(`${code}: `),
    });
  });

  test("and is asked again half a minute later", async () => {
    const connected = stock("broken");
    await toolsOf(connected);
    const before = peers().requests.length;
    connected.now = 29_999;
    await toolsOf(connected);
    expect(peers().requests.length).toBe(before);
    connected.now = 30_000;
    await toolsOf(connected);
    expect(peers().requests.length).toBeGreaterThan(before);
  });

  test("an address that nobody allowed is not reached", async () => {
    expect(await sourceOf(stock("modern", {}, { FETCH_ALLOW: "" }), "stock")).toMatchObject({
      state: "unavailable",
      detail: expect.stringMatching(/^(address|port)_refused: /),
    });
  });

  test("a call of a server that went away fails with a code", async () => {
    const tools = await toolsOf(stock("modern"));
    const [count] = tools;
    await peers().close();
    expect(await count?.run({ sku: "A-1" }, toolContext())).toMatchObject({
      ok: false,
      error: { code: "connection_failed" },
    });
    running.peers = await startMcpPeers();
  });
});
