// What a crash does to calls of connected servers: the run dies after the server has answered and before the log knows.
// What may be called twice is called again, with the same key; what may not be is not, and the run says so.

import { afterAll, beforeAll, expect, test } from "vitest";
import type { Tool } from "../../../src/tools/tool.ts";
import { type HttpApi, startHttpApi } from "../../support/peers/http-api.ts";
import { type McpPeers, startMcpPeers } from "../../support/peers/mcp.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { oneTurn, plan, playOn } from "../agent/support.ts";
import { connect, toolsOf } from "./connected.ts";

const running: { mcp?: McpPeers; api?: HttpApi; tools: readonly Tool[] } = { tools: [] };
beforeAll(async () => {
  const [mcp, api] = await Promise.all([startMcpPeers(), startHttpApi()]);
  running.mcp = mcp;
  running.api = api;
  running.tools = await toolsOf(
    connect({
      FETCH_ALLOW: `${mcp.host},${api.host}`,
      MCP_SERVERS: JSON.stringify([{ name: "stock", url: `${mcp.origin}/modern` }]),
      OPENAPI_TOOLS: JSON.stringify([
        { name: "crm", document: `${api.origin}/documents/v3.json`, base_url: `${api.origin}/v2` },
      ]),
    }),
  );
});
afterAll(async () => {
  await running.mcp?.close();
  await running.api?.close();
});

/** The run's outcome of the call, and the keys that the server saw. */
async function crashAfter(name: string, args: unknown) {
  const tool = running.tools.find((one) => one.name === name);
  const started = { calls: 0, isDead: false };
  const before = { mcp: running.mcp?.requests.length ?? 0, api: running.api?.requests.length ?? 0 };
  const { run, crashes } = await playOn({
    script: oneTurn({
      planner: [plan({ tool_name: name })],
      executor: [{ value: { analysis: "one call", calls: [{ arguments: args }] } }],
    }),
    tools: tool === undefined ? [] : [tool],
    onCommit: (events) => {
      started.calls += events.filter((event) => event.type === "tool.started").length;
    },
    crashAt: () => {
      if (started.calls === 0 || started.isDead) {
        return null;
      }
      started.isDead = true;
      return "before";
    },
    // Sockets take real time; the virtual one must not be over before they answer.
    clock: createVirtualClock({ whenIdle: "stay" }),
  });
  const sent = [
    ...(running.mcp?.requests.slice(before.mcp).filter(({ rpc }) => rpc === "tools/call") ?? []),
    ...(running.api?.requests.slice(before.api) ?? []),
  ];
  const keys = sent.map(({ headers }) => String(headers["idempotency-key"]).replace(run.id, "run"));
  return { crashes, keys, status: run.turns[0]?.calls[0]?.status, run: run.status };
}

const once = ["run/1/0"];
const twice = ["run/1/0", "run/1/0"];

test.each([
  ["an MCP tool that only reads", "stock__count", { sku: "A-1" }, twice, "ok"],
  ["an MCP tool that says nothing", "stock__order", { sku: "A-1" }, once, "outcome_unknown"],
  ["a GET", "crm__getCustomer", { id: "c-1", "X-Api-Key": "k" }, twice, "ok"],
  ["a POST", "crm__createCustomer", { body: { name: "a" } }, once, "outcome_unknown"],
  ["a POST with a key", "crm__pay", { body: { amount: 5 } }, twice, "ok"],
])("%s", async (_what, name, args, keys, status) => {
  expect(await crashAfter(name, args)).toEqual({ crashes: 1, keys, status, run: "completed" });
});
