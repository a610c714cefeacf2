// Tools from OpenAPI documents, over a real socket to an API that writes down what it was sent.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parametersOf } from "../../../src/agent/prompts/tool-card.ts";
import { apiKey, type HttpApi, startHttpApi } from "../../support/peers/http-api.ts";
import { connect, sourceOf, toolsOf } from "./connected.ts";
import { callTool } from "./support.ts";

const running: { api?: HttpApi } = {};
const api = (): HttpApi => {
  if (running.api === undefined) {
    throw new Error("the API is not started");
  }
  return running.api;
};
beforeAll(async () => {
  running.api = await startHttpApi();
});
afterAll(() => running.api?.close());

function crm(more: Readonly<Record<string, unknown>> = {}, variables: Record<string, string> = {}) {
  const server = {
    name: "crm",
    document: `${api().origin}/documents/v3.json`,
    base_url: `${api().origin}/v2?tier=gold`,
  };
  return connect({
    FETCH_ALLOW: api().host,
    OPENAPI_TOOLS: JSON.stringify([{ ...server, secret: "TOOL_SECRET_CRM", header: "X-Api-Key", ...more }]),
    TOOL_SECRET_CRM: apiKey,
    ...variables,
  });
}

async function sentBy(name: string, args: unknown) {
  const outcome = await callTool(await toolsOf(crm()), name, args);
  return { outcome, sent: api().requests.at(-1) };
}

describe("a document", () => {
  test("gives a tool for each operation, with what a crash may do to it", async () => {
    const connected = crm();
    expect((await toolsOf(connected)).map(({ name, repeat }) => `${name} ${repeat}`)).toEqual([
      "crm__getCustomer safe",
      "crm__replaceCustomer safe",
      "crm__listCustomers safe",
      "crm__createCustomer never",
      "crm__pay keyed",
      "crm__get__health safe",
    ]);
    expect(await sourceOf(connected, "crm")).toMatchObject({
      state: "ready",
      version: "CRM 2.4",
      skipped: [{ name: "upload", reason: "its body is multipart/form-data" }],
    });
  });

  test("becomes schemas without references, without the secret's header, and without what nobody needs", async () => {
    const tools = await toolsOf(crm());
    const shown = Object.fromEntries(tools.map((tool) => [tool.name, parametersOf(tool)]));
    expect(shown["crm__getCustomer"]).toEqual({
      type: "object",
      properties: { id: { type: "string", description: "The number." } },
      required: ["id"],
      additionalProperties: false,
    });
    expect(shown["crm__createCustomer"]?.["properties"]).toEqual({
      body: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string", maxLength: 40, pattern: "^(a+)+$" }, parent: {} },
      },
    });
  });

  test("of version 2 in YAML works too", async () => {
    const [tool] = await toolsOf(crm({ document: `${api().origin}/documents/v2.yaml` }));
    expect(tool === undefined ? null : [tool.name, parametersOf(tool)]).toEqual([
      "crm__listCustomers",
      {
        type: "object",
        properties: { limit: { type: "integer", minimum: 1 } },
        required: [],
        additionalProperties: false,
      },
    ]);
  });

  test("may be cut to some operations", async () => {
    const connected = crm({ tools: ["getCustomer", "deleteAll"] });
    expect((await toolsOf(connected)).map(({ name }) => name)).toEqual(["crm__getCustomer"]);
    expect(await sourceOf(connected, "crm")).toMatchObject({
      skipped: [{ name: "deleteAll", reason: "the document has no such operation" }],
    });
  });

  test.each([
    ["garbage.json", "bad_reply: the document is neither JSON nor YAML"],
    ["empty.json", "bad_reply: there is no OpenAPI document"],
    ["none.json", /^not_found: /],
  ])("%s offers nothing and says why", async (name, detail) => {
    const source = sourceOf(crm({ document: `${api().origin}/documents/${name}` }), "crm");
    expect(await source).toMatchObject({
      state: "unavailable",
      detail: expect.stringMatching(detail),
    });
  });
});

describe("a call", () => {
  test("carries the secret, says who answered, and brings the answer without the secret", async () => {
    const { outcome, sent } = await sentBy("crm__getCustomer", { id: "c-1" });
    expect(sent?.headers["x-api-key"]).toBe(apiKey);
    expect(outcome).toEqual({
      ok: true,
      value: {
        result: { id: "c-1", name: "Orsova Bridges", key_seen: "[secret]" },
        producedBy: "CRM 2.4, GET /customers/{id}",
      },
    });
  });

  test("writes lists and objects into the query as the document says", async () => {
    const { sent } = await sentBy("crm__listCustomers", {
      tag: ["a", "b c"],
      ids: [1, 2],
      filter: { city: "Orsova" },
      limit: 5,
    });
    expect(sent?.url).toBe("/v2/customers?tier=gold&tag=a&tag=b+c&ids=1%2C2&filter%5Bcity%5D=Orsova&limit=5");
  });

  test("sends a body as JSON or as a form, and its key where it may be sent again", async () => {
    expect((await sentBy("crm__createCustomer", { body: { name: "a" } })).sent).toMatchObject({
      method: "POST",
      body: '{"name":"a"}',
      headers: { "content-type": "application/json" },
    });
    expect((await sentBy("crm__pay", { body: { amount: 5, to: "a b" } })).sent).toMatchObject({
      body: "amount=5&to=a+b",
      headers: { "content-type": "application/x-www-form-urlencoded", "idempotency-key": "run_1/1/0" },
    });
  });

  test.each(["..", ".", ""])("cannot climb out of its path with %j", async (id) => {
    const before = api().requests.length;
    expect(await callTool(await toolsOf(crm()), "crm__getCustomer", { id })).toMatchObject({
      ok: false,
      error: { code: "invalid_arguments" },
    });
    expect(api().requests.length).toBe(before);
  });

  test("stays below the base address whatever stands in its path", async () => {
    const { sent } = await sentBy("crm__getCustomer", { id: "../../admin?x=1#y" });
    expect(sent?.url).toBe("/v2/customers/..%2F..%2Fadmin%3Fx%3D1%23y?tier=gold");
  });

  test.each([
    ["c-2", { code: "not_found", result: { problem: "there is no customer c-2" } }],
    ["broken", { code: "server_error" }],
    ["inward", { code: "address_refused" }],
  ])("that fails with %s has a code", async (id, error) => {
    expect(await callTool(await toolsOf(crm()), "crm__getCustomer", { id })).toMatchObject({ ok: false, error });
  });

  test("is tried again where it only reads", async () => {
    const before = api().requests.length;
    await callTool(await toolsOf(crm()), "crm__getCustomer", { id: "broken" });
    expect(api().requests.length - before).toBe(3);
  });

  test("names what is no text and cuts what is long", async () => {
    const tools = await toolsOf(crm());
    expect(await callTool(tools, "crm__getCustomer", { id: "picture" })).toMatchObject({
      value: { result: { content_type: "image/png", left_out: "3 bytes" } },
    });
    expect(await callTool(tools, "crm__getCustomer", { id: "long" })).toMatchObject({
      value: { result: expect.stringMatching(/^x{262144}\n\(cut\)$/) },
    });
  });

  test("that nobody answers ends with its time", async () => {
    expect(
      await callTool(await toolsOf(crm({ timeout_seconds: 1 })), "crm__getCustomer", { id: "silent" }),
    ).toMatchObject({
      ok: false,
      error: { code: "timeout" },
    });
  });
});

test("arguments are checked where this is safe, and a hostile pattern is not run", async () => {
  const create = (await toolsOf(crm())).find(({ name }) => name === "crm__createCustomer");
  const check = (args: unknown) => create?.parameters.safeParse(args).error?.issues.map(({ path }) => path.join("."));
  expect(check({ body: {} })).toEqual(["body.name"]);
  expect(check({ body: { name: "a".repeat(41) } })).toEqual(["body.name"]);
  expect(check({ body: { name: "a" }, extra: 1 })).toHaveLength(1);
  expect(check({ body: { name: `${"a".repeat(39)}!` } })).toBeUndefined();
});
