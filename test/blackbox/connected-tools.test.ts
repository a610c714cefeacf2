// Connected servers in real workerd: a real server process with MCP servers of each era and an HTTP API on real
// sockets, as the catalogue shows them, as single calls and in a run of a hosted planner, before and after a crash.

import { afterAll, expect, test } from "vitest";
import * as z from "zod";
import { startHttpApi } from "../support/peers/http-api.ts";
import { mcpKey, startMcpPeers } from "../support/peers/mcp.ts";
import type { RecordedRequest } from "../support/mock-openai.ts";
import { until } from "../support/until.ts";
import { withMock } from "./support/with-mock.ts";

const [mcp, crm] = await Promise.all([startMcpPeers(), startHttpApi()]);
afterAll(() => crm.close());

const world = withMock({
  FETCH_ALLOW: `${mcp.host},${crm.host}`,
  MCP_SERVERS: JSON.stringify([
    { name: "stock", url: `${mcp.origin}/locked`, secret: "TOOL_SECRET_STOCK" },
    { name: "old", url: `${mcp.origin}/legacy`, tools: ["count", "hang"] },
    // Of a call that must time out; on a busy machine any other may take as long.
    { name: "hasty", url: `${mcp.origin}/legacy`, tools: ["hang"], timeout_seconds: 1 },
    { name: "older", url: `${mcp.origin}/sse`, tools: ["count"] },
    { name: "inward", url: `${mcp.origin}/inward` },
    { name: "endless", url: `${mcp.origin}/endless` },
    { name: "keyless", url: `${mcp.origin}/locked`, secret: "TOOL_SECRET_NONE" },
  ]),
  TOOL_SECRET_STOCK: mcpKey,
  OPENAPI_TOOLS: JSON.stringify([
    {
      name: "crm",
      document: `${crm.origin}/documents/v3.json`,
      base_url: `${crm.origin}/v2`,
      tools: ["getCustomer", "createCustomer", "pay"],
    },
  ]),
});

const Catalogue = z.looseObject({
  data: z.array(z.looseObject({ name: z.string(), repeat: z.string(), by_default: z.boolean() })),
  sources: z.array(z.looseObject({ name: z.string(), state: z.string(), detail: z.string().nullable() })),
});
interface Crashed {
  readonly repeat: "safe" | "keyed" | "never";
  readonly tool: string;
  readonly args: unknown;
  /** That the server sees the call. */
  readonly times: number;
}

const Called = z.looseObject({ ok: z.boolean() });

async function send(path: string, body?: unknown): Promise<unknown> {
  const init =
    body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`${world.server.url}${path}`, init);
  return response.json();
}

const call = async (name: string, args: unknown) =>
  Called.parse(await send(`/v1/tools/${name}/call`, { arguments: args }));

test("the catalogue shows what answers, and why the rest does not", async () => {
  const { data, sources } = Catalogue.parse(await send("/v1/tools"));
  const remote = data.filter(({ name }) => name.includes("__"));
  expect(remote.map(({ name, repeat }) => `${name} ${repeat}`)).toEqual([
    "stock__count safe",
    "stock__order never",
    "stock__fail never",
    "stock__picture never",
    "stock__hang never",
    "stock__much never",
    "old__count safe",
    "old__hang never",
    "hasty__hang never",
    "older__count safe",
    "crm__getCustomer safe",
    "crm__createCustomer never",
    "crm__pay keyed",
  ]);
  expect(remote.every(({ by_default }) => by_default)).toBe(true);
  expect(sources.map(({ name, state, detail }) => `${name} ${state} ${detail?.split(":")[0] ?? ""}`.trim())).toEqual([
    "stock ready",
    "old ready",
    "hasty ready",
    "older ready",
    "inward unavailable address_refused",
    "endless unavailable too_large",
    "keyless needs TOOL_SECRET_NONE",
    "crm ready",
  ]);
});

test.each([
  ["stock__count", { sku: "A-1" }, { ok: true, result: { sku: "A-1", count: 12 } }],
  ["old__count", { sku: "A-1" }, { ok: true, produced_by: "stock 2.1.0, tool count" }],
  ["Older Count", { sku: "A-1" }, { ok: true, result: { sku: "A-1", count: 12 } }],
  ["stock__fail", {}, { ok: false, error: { code: "tool_error", detail: "the store is closed for [secret]" } }],
  ["stock__much", {}, { ok: false, error: { code: "too_large" } }],
  ["hasty__hang", {}, { ok: false, error: { code: "timeout" } }],
  ["crm__createCustomer", { body: { name: "a" } }, { ok: true, produced_by: "CRM 2.4, POST /customers" }],
  ["crm__getCustomer", { id: "c-2", "X-Api-Key": "k" }, { ok: false, error: { code: "not_found" } }],
  ["crm__getCustomer", { id: "inward", "X-Api-Key": "k" }, { ok: false, error: { code: "address_refused" } }],
  ["keyless__count", {}, { ok: false, error: { code: "tool_not_configured" } }],
  ["python_coder", { code: "print(6 * 7)" }, { ok: true, result: { stdout: "42\n" } }],
])("%s alone", async (name, args, expected) => {
  expect(await call(encodeURIComponent(name), args)).toMatchObject(expected);
});

test("arguments are checked against the server's schema", async () => {
  expect(await send("/v1/tools/stock__count/call", { arguments: { sku: "" } })).toMatchObject({
    status: 422,
    errors: [{ field: "arguments.sku" }],
  });
});

test("a run uses them like its own, and a second one with kept results calls nobody", async () => {
  world.mock.on("planner", {
    json: { justification: "it knows", context: "A-1", sub_goal: "count A-1", tool_name: "Stock Count" },
  });
  world.mock.on("executor", { json: { analysis: "one call", calls: [{ arguments: { sku: "A-1" } }] } });
  const callOf = async () => {
    const before = mcp.requests.length;
    const run = await send("/v1/solve", {
      query: "How many A-1 are in stock?",
      tools: ["stock__count"],
      tool_results: "kept",
      limits: { max_turns: 1 },
    });
    const { id } = z.looseObject({ id: z.string() }).parse(run);
    const events = await world.api.events(id);
    return {
      event: events.find((event) => event.type === "tool.completed"),
      calls: mcp.requests.slice(before).filter(({ rpc }) => rpc === "tools/call").length,
    };
  };
  const first = await callOf();
  expect(first).toMatchObject({
    calls: 1,
    event: {
      tool: "stock__count",
      result: { sku: "A-1", count: 12 },
      produced_by: "stock 2.1.0, tool count",
    },
  });
  expect(first.event).not.toHaveProperty("cached");
  expect(await callOf()).toMatchObject({ calls: 0, event: { result: { sku: "A-1", count: 12 }, cached: true } });
});

test("after a power cut a call is made again where its tool is safe or keyed, and with the same key", async () => {
  const calls: readonly Crashed[] = [
    { repeat: "safe", tool: "crm__getCustomer", args: { id: "fault-slow-once-safe", "X-Api-Key": "k" }, times: 2 },
    { repeat: "keyed", tool: "crm__pay", args: { body: { note: "fault-slow-once-keyed" } }, times: 2 },
    { repeat: "never", tool: "crm__createCustomer", args: { body: { name: "fault-slow-once-never" } }, times: 1 },
  ];
  const callOf = ({ body }: RecordedRequest) =>
    calls.find(({ repeat }) => JSON.stringify(body["messages"]).includes(`[${repeat}]`));
  world.mock.on("planner", (request) => ({
    json: {
      justification: "",
      context: "",
      sub_goal: `[${callOf(request)?.repeat}]`,
      tool_name: callOf(request)?.tool,
    },
  }));
  world.mock.on("executor", (request) => ({ json: { analysis: "", calls: [{ arguments: callOf(request)?.args }] } }));
  const sent = (repeat: string) =>
    crm.requests.filter(({ url, body }) => `${url} ${body}`.includes(`fault-slow-once-${repeat}`));
  const runs = await Promise.all(
    calls.map(({ repeat, tool }) =>
      world.api.start({ query: `Carry out [${repeat}].`, tools: [tool], limits: { max_turns: 1 } }),
    ),
  );
  await until("every call has arrived", () =>
    Promise.resolve(calls.every(({ repeat }) => sent(repeat).length === 1) ? true : null),
  );
  await world.restart();
  for (const [index, { repeat, times }] of calls.entries()) {
    const id = runs[index]?.id ?? "";
    await world.api.ended(id);
    const keys = sent(repeat).map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toEqual(Array.from({ length: times }, () => `${id}/1/0`));
    const ended = (await world.api.events(id)).find(({ type }) => type === "tool.completed" || type === "tool.failed");
    expect(ended).toMatchObject(
      times === 2 ? { type: "tool.completed" } : { type: "tool.failed", problem: { code: "outcome_unknown" } },
    );
  }
});

test("a run whose server is gone when its loop starts again goes on without it", async () => {
  world.mock.on("planner", {
    json: { justification: "it orders", context: "A-1", sub_goal: "order A-1", tool_name: "old__hang" },
  });
  world.mock.on("executor", { json: { analysis: "one call", calls: [{ arguments: {} }] } });
  const before = mcp.requests.length;
  const { id } = await world.api.start({ query: "Wait.", tools: ["old__hang"], limits: { max_turns: 1 } });
  await until("the call has arrived", () =>
    Promise.resolve(mcp.requests.slice(before).some(({ rpc }) => rpc === "tools/call") ? true : null),
  );
  // In this order, or the run would see its call fail before it is cut off.
  await world.server.kill9();
  await mcp.close();
  await world.restart();
  await world.api.ended(id);
  expect((await world.api.events(id)).find((event) => event.type === "tool.failed")).toMatchObject({
    problem: { code: "outcome_unknown" },
  });
});
