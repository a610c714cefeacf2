// Built-in and connected tools together: order, names that clash, entries that are wrong, tools that have gone, and
// foreign schemas as arguments.

import { describe, expect, test } from "vitest";
import { parametersOf } from "../../../src/agent/prompts/tool-card.ts";
import { err, ok } from "../../../src/lib/result.ts";
import { toParameters } from "../../../src/tools/remote/remote-schema.ts";
import { createToolProvider } from "../../../src/tools/remote/tool-provider.ts";
import type { LoadedTools, SourceFault, ToolSource } from "../../../src/tools/remote/tool-source.ts";
import type { Result } from "../../../src/lib/result.ts";
import { remoteToolName } from "../../../src/tools/remote/tool-source.ts";
import { coder } from "../agent/support.ts";
import { connect, sourceOf, toolsOf } from "./connected.ts";
import { toolContext } from "./support.ts";

interface FakeSource extends ToolSource {
  loads: number;
}

function source(name: string, tools: readonly string[] | SourceFault, tenants?: readonly string[]): FakeSource {
  const loaded = (): Result<LoadedTools, SourceFault> =>
    "code" in tools
      ? err(tools)
      : ok({ version: `${name} 1`, tools: tools.map((tool) => coder({ name: tool })), skipped: [], ttlMs: 1000 });
  const fake: FakeSource = {
    name,
    kind: "mcp",
    identity: name,
    loads: 0,
    isFor: (tenant) => tenants?.includes(tenant) ?? true,
    load() {
      fake.loads += 1;
      return Promise.resolve(loaded());
    },
  };
  return fake;
}

const down: SourceFault = { state: "unavailable", code: "timeout", detail: "no whole reply in time" };

function providerOf(...sources: readonly ToolSource[]) {
  return createToolProvider({ builtIn: [coder()], sources, now: () => 0 });
}

test("connected tools follow the built-in ones, each server's for its tenants", async () => {
  const provider = providerOf(source("a", ["a__x"]), source("b", ["b__y"], ["beta"]));
  const names = async (tenant: string) => (await provider.toolsFor(tenant)).tools.map(({ name }) => name);
  expect(await names("acme")).toEqual(["python_coder", "a__x"]);
  expect(await names("beta")).toEqual(["python_coder", "a__x", "b__y"]);
});

test("a name that another tool has, in whatever spelling, is left out and named", async () => {
  const { tools, sources } = await providerOf(
    source("a", ["Python Coder", "a__b_c"]),
    source("a_b", ["a_b__c"]),
  ).toolsFor("acme");
  expect(tools.map(({ name }) => name)).toEqual(["python_coder", "a__b_c"]);
  expect(sources.map(({ skipped }) => skipped)).toEqual([
    [{ name: "Python Coder", reason: "another tool has this name" }],
    [{ name: "a_b__c", reason: "another tool has this name" }],
  ]);
});

test("a server that is down takes nothing from the others", async () => {
  const { tools, sources } = await providerOf(source("a", down), source("b", ["b__y"])).toolsFor("acme");
  expect(tools.map(({ name }) => name)).toEqual(["python_coder", "b__y"]);
  expect(sources.map(({ state, detail }) => [state, detail])).toEqual([
    ["unavailable", "timeout: no whole reply in time"],
    ["ready", null],
  ]);
});

test("a server that stays down is asked less and less, at least every five minutes", async () => {
  const clock = { nowMs: 0 };
  const dead = source("a", down);
  const provider = createToolProvider({ builtIn: [], sources: [dead], now: () => clock.nowMs });
  const askedAt: number[] = [];
  for (clock.nowMs = 0; clock.nowMs <= 1_200_000; clock.nowMs += 10_000) {
    const { loads } = dead;
    await provider.toolsFor("acme");
    if (dead.loads > loads) {
      askedAt.push(clock.nowMs / 1000);
    }
  }
  expect(askedAt).toEqual([0, 30, 90, 210, 450, 750, 1050]);
});

describe("the tools of a run", () => {
  test("are found without asking any server where they are this repository's", async () => {
    const connected = source("a", ["a__x"]);
    const provider = providerOf(connected);
    expect((await provider.toolsOfRun("acme", ["Python-Coder"])).map(({ name }) => name)).toEqual(["python_coder"]);
    expect(await provider.toolNamed("acme", "python coder")).toMatchObject({ name: "python_coder" });
    expect(connected.loads).toBe(0);
  });

  test("keep the run's names and order, and one that is gone fails when it is called", async () => {
    const tools = await providerOf(source("a", down), source("b", ["b__y"])).toolsOfRun("acme", [
      "b__y",
      "a__x",
      "python_coder",
    ]);
    expect(tools.map(({ name, repeat }) => `${name} ${repeat}`)).toEqual([
      "b__y safe",
      "a__x never",
      "python_coder safe",
    ]);
    expect(await tools[1]?.run({}, toolContext())).toMatchObject({ ok: false, error: { code: "tool_unavailable" } });
  });

  test("may use another Python than single calls do", async () => {
    const own = coder({ description: "of rollouts" });
    const [tool] = await providerOf().toolsOfRun("acme", ["python_coder"], [own]);
    expect(tool?.description).toBe("of rollouts");
  });
});

describe("an entry that is wrong is shown, and the others work", () => {
  test.each([
    ["[", "MCP_SERVERS", "MCP_SERVERS is not a JSON list"],
    ['{"name":"a"}', "MCP_SERVERS", "MCP_SERVERS is not a JSON list"],
    ['[{"name":"a"}]', "a", /^MCP_SERVERS\[0\]\.url: /],
    ['[{"name":"a","url":"ftp://x.example/"}]', "a", /^MCP_SERVERS\[0\]\.url: /],
    ['[{"name":"a","url":"https://x.example/","secret":"INFERENCE_API_KEY"}]', "a", /^MCP_SERVERS\[0\]\.secret: /],
    [
      '[{"name":"a","url":"https://x.example/","secret":"TOOL_SECRET_A","header":"user-agent"}]',
      "a",
      /^MCP_SERVERS\[0\]\.header: Must be a header that no redirect takes/,
    ],
    ['[{"name":"A b","url":"https://x.example/"}]', "A b", /^MCP_SERVERS\[0\]\.name: /],
    ['[{"name":"a","url":"https://x.example/","token":"t"}]', "a", /Unrecognized key/],
  ])("%s", async (servers, name, detail) => {
    const found = await sourceOf(connect({ MCP_SERVERS: servers }), name);
    expect(found).toMatchObject({
      state: "needs",
      detail: expect.stringMatching(detail),
    });
  });

  test("the second server of a name", async () => {
    const bad = [{ name: "a" }, { name: "a" }];
    const { sources } = await connect({ MCP_SERVERS: JSON.stringify(bad) }).provider.toolsFor("acme");
    expect(sources[1]?.detail).toBe("another server has this name");
  });

  test("nothing is connected where nothing is configured", async () => {
    expect(await toolsOf(connect({}))).toEqual([]);
  });
});

describe("a foreign schema", () => {
  function shownOf(schema: unknown) {
    const parameters = toParameters(schema, schema);
    return parameters.ok ? parametersOf(coder({ parameters: parameters.value })) : parameters.error;
  }

  test("is shown whole, its references resolved, a recursive one once", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: "https://x.example/schema",
      type: "object",
      properties: { $ref: { type: "string" }, tree: { $ref: "#/$defs/tree" }, id: { type: "string", format: "uuid" } },
      $defs: { tree: { type: "object", properties: { left: { $ref: "#/$defs/tree" } } } },
      additionalProperties: false,
    };
    expect(shownOf(schema)).toEqual({
      type: "object",
      properties: {
        $ref: { type: "string" },
        tree: { type: "object", properties: { left: {} } },
        id: { type: "string", format: "uuid" },
      },
      additionalProperties: false,
    });
  });

  test("that is no object, or too large, keeps its tool out", () => {
    expect(shownOf({ type: "string" })).toBe("its arguments are not an object");
    expect(shownOf({ $ref: "https://elsewhere.example/schema" })).toEqual({
      type: "object",
      properties: {},
      additionalProperties: {},
    });
    expect(shownOf({ type: "object", description: "x".repeat(20_000) })).toBe(
      "its schema has more than 16384 characters",
    );
  });

  test("as deep or as wide as it likes ends in a schema that takes anything", () => {
    let deep: unknown = { type: "string" };
    for (let level = 0; level < 5_000; level += 1) {
      deep = { type: "object", properties: { a: deep } };
    }
    expect(JSON.stringify(shownOf(deep)).length).toBeLessThan(2_000);
    const bomb = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `d${index}`,
        { type: "object", properties: { a: { $ref: `#/$defs/d${index + 1}` }, b: { $ref: `#/$defs/d${index + 1}` } } },
      ]),
    );
    expect(shownOf({ type: "object", properties: { a: { $ref: "#/$defs/d0" } }, $defs: bomb })).toMatch(/16384/);
  });

  test("passes arguments on as they are", () => {
    const schema = { type: "object", properties: { n: { type: "integer", default: 5 } } };
    const parameters = toParameters(schema, schema);
    expect(parameters.ok && parameters.value.parse({ other: [1, { a: null }] })).toEqual({ other: [1, { a: null }] });
  });
});

test.each([
  ["list.items/v2", "crm__list_items_v2"],
  ["größe", "crm__gr_e"],
  ["…", null],
])("the tool %j is offered as %j", (name, offered) => {
  expect(remoteToolName("crm", name)).toBe(offered);
});

describe("a tenant's own servers", () => {
  function providerWith(configured: readonly ToolSource[], lists: readonly (readonly ToolSource[])[]) {
    const ages: string[] = [];
    const provider = createToolProvider({
      builtIn: [coder()],
      sources: configured,
      now: () => 0,
      tenantSources: (_tenant, age) => {
        ages.push(age);
        return Promise.resolve(lists[age === "fresh" ? lists.length - 1 : 0] ?? []);
      },
    });
    return { ages, provider };
  }

  test("come after the operator's, which keep their names", async () => {
    const { provider } = providerWith([source("a", ["a__x"])], [[source("a", ["a__y"]), source("b", ["b__y"])]]);
    const { tools, sources } = await provider.toolsFor("acme");
    expect(tools.map(({ name }) => name)).toEqual(["python_coder", "a__x", "b__y"]);
    expect(sources.map(({ name, state, detail }) => [name, state, detail])).toEqual([
      ["a", "ready", null],
      ["a", "needs", "another server has this name"],
      ["b", "ready", null],
    ]);
  });

  test("are looked up anew for a tool that is missing, and only then", async () => {
    const { ages, provider } = providerWith([], [[], [source("b", ["b__y"])]]);
    expect((await provider.toolsOfRun("acme", ["python_coder"])).map(({ name }) => name)).toEqual(["python_coder"]);
    expect(ages).toEqual([]);
    expect((await provider.toolsOfRun("acme", ["b__y"]))[0]?.description).toBe(coder().description);
    expect(ages).toEqual(["kept", "fresh"]);
    expect(await provider.toolNamed("acme", "c__z")).toBeNull();
    expect((await provider.toolNamed("acme", "B__Y"))?.name).toBe("b__y");
  });

  test("are not needed for the tools of the operator's", async () => {
    const provider = createToolProvider({
      builtIn: [coder()],
      sources: [source("a", ["a__x"])],
      now: () => 0,
      tenantSources: () => Promise.reject(new Error("the ledger is down")),
    });
    expect((await provider.toolsOfRun("acme", ["python_coder", "a__x"])).map(({ name }) => name)).toEqual([
      "python_coder",
      "a__x",
    ]);
  });

  test("are forgotten with what they said when they are changed", async () => {
    const [before, after] = [source("b", ["b__x"]), { ...source("b", ["b__y"]), identity: "b, changed" }];
    const lists = [[before], [after], [before]];
    const provider = createToolProvider({
      builtIn: [],
      sources: [],
      now: () => 0,
      tenantSources: () => Promise.resolve(lists.shift() ?? []),
    });
    await provider.toolsFor("acme");
    await provider.toolsFor("acme");
    await provider.toolsFor("acme");
    expect(before.loads).toBe(2);
  });

  test("are asked again when they are changed, though their lists are still good", async () => {
    const [before, after] = [source("b", ["b__x"]), { ...source("b", ["b__y"]), identity: "b, changed" }];
    const { provider } = providerWith([], [[before], [after]]);
    expect((await provider.toolNamed("acme", "b__x"))?.name).toBe("b__x");
    expect((await provider.toolNamed("acme", "b__y"))?.name).toBe("b__y");
    expect(before.loads).toBe(1);
  });
});

test("two servers of one name for different tenants are two servers", async () => {
  const provider = providerOf(source("a", ["a__x"], ["acme"]), source("a", ["a__y"], ["beta"]));
  const namesOf = async (tenant: string) => (await provider.toolsFor(tenant)).tools.map(({ name }) => name);
  expect(await namesOf("acme")).toEqual(["python_coder", "a__x"]);
  expect(await namesOf("beta")).toEqual(["python_coder", "a__y"]);
});
