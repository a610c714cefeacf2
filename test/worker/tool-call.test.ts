// `POST /v1/tools/{name}/call` and the catalogue, over services of the test: who may call, what is refused, and what a
// tool's answer looks like.

import { expect, test } from "vitest";
import * as z from "zod";
import type { AloneOutcome } from "../../src/agent/call-alone.ts";
import { createApp } from "../../src/http/app.ts";
import type { Services } from "../../src/http/services.ts";
import type { ToolSourceEntry } from "../../src/http/tool-catalogue.ts";
import { createWorld } from "../support/http-services.ts";

interface Asked {
  readonly tenant: string;
  readonly name: string;
  readonly args: unknown;
}

function worldOf(outcome: AloneOutcome | null, sources: readonly ToolSourceEntry[] = []) {
  const world = createWorld({ keyed: true });
  const asked: Asked[] = [];
  const services: Services = {
    ...world.services,
    toolsFor: () => Promise.resolve({ tools: world.services.tools, sources }),
    callTool(tenant, name, args) {
      asked.push({ tenant, name, args });
      return Promise.resolve(outcome);
    },
  };
  const app = createApp(services);
  return {
    asked,
    async send(path: string, body?: unknown, scopes = "tools") {
      const authorization = `Bearer ${await world.addKey("acme", scopes)}`;
      const init =
        body === undefined
          ? { headers: { authorization } }
          : {
              method: "POST",
              headers: { authorization, "content-type": "application/json" },
              body: JSON.stringify(body),
            };
      const response = await app.request(`http://localhost:8787${path}`, init);
      return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) };
    },
  };
}

const made = { result: { a: 1 }, cut: false, producedBy: "stock 2.1.0, tool count", ms: 12 };
const down: ToolSourceEntry = {
  name: "stock",
  kind: "mcp",
  state: "unavailable",
  version: null,
  detail: "timeout: no whole reply in time",
  tools: [],
  skipped: [],
  checked_at: "2026-11-22T10:00:00.000Z",
};

test("a tool's result is shown with who made it", async () => {
  const world = worldOf({ kind: "completed", ...made });
  expect(await world.send("/v1/tools/stock__count/call", { arguments: { sku: "A-1" } })).toEqual({
    status: 200,
    body: { ok: true, result: { a: 1 }, cut: false, produced_by: "stock 2.1.0, tool count", ms: 12 },
  });
  expect(world.asked).toEqual([{ tenant: "acme", name: "stock__count", args: { sku: "A-1" } }]);
});

test("a tool's failure is 200 with its code", async () => {
  const problem = { code: "address_refused", detail: "127.0.0.1 is not a public address" };
  const world = worldOf({ kind: "failed", problem, ...made, result: undefined });
  expect(await world.send("/v1/tools/web_read/call", { arguments: {} })).toEqual({
    status: 200,
    body: { ok: false, error: problem, cut: false, produced_by: "stock 2.1.0, tool count", ms: 12 },
  });
});

test("arguments that do not fit are 422 and name the field", async () => {
  const error = z.strictObject({ code: z.string() }).safeParse({}, { reportInput: true }).error ?? new z.ZodError([]);
  const world = worldOf({ kind: "invalid_arguments", error });
  expect(await world.send("/v1/tools/python_coder/call", { arguments: {} })).toMatchObject({
    status: 422,
    body: { code: "invalid_request", errors: [{ field: "arguments.code", code: "required" }] },
  });
  expect(await world.send("/v1/tools/python_coder/call", { args: {} })).toMatchObject({
    status: 422,
    body: { errors: [{ field: "args", code: "unknown_field" }] },
  });
});

test("an unknown tool is 404; one of a server that is down fails with a code", async () => {
  const world = worldOf(null, [down]);
  expect(await world.send("/v1/tools/teleport/call", {})).toMatchObject({ status: 404, body: { code: "not_found" } });
  expect(await world.send("/v1/tools/stock__count/call", {})).toMatchObject({
    status: 200,
    body: { ok: false, error: { code: "tool_unavailable", detail: "stock: timeout: no whole reply in time" } },
  });
});

test("a key needs the scope", async () => {
  const world = worldOf({ kind: "completed", ...made });
  expect(await world.send("/v1/tools/python_coder/call", {}, "solve")).toMatchObject({
    status: 403,
    body: { code: "missing_scope" },
  });
  expect(world.asked).toEqual([]);
});

test("the catalogue shows servers beside tools", async () => {
  const { body } = await worldOf(null, [down]).send("/v1/tools");
  expect(body["sources"]).toEqual([down]);
});

test("a run that names a tool of a server that is down is refused with the reason", async () => {
  const { status, body } = await worldOf(null, [down]).send(
    "/v1/solve",
    { query: "q", tools: ["stock__count"] },
    "solve",
  );
  expect({ status, errors: body["errors"] }).toEqual({
    status: 422,
    errors: [
      {
        field: "tools[0]",
        code: "tool_unavailable",
        detail: "The server stock cannot be used now: timeout: no whole reply in time.",
      },
    ],
  });
});
