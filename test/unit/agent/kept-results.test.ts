// Results of earlier calls: which calls may use them, how the log shows it, and what a second run sees.

import { describe, expect, test } from "vitest";
import { ok } from "../../../src/lib/result.ts";
import { type KeptResult, type ResultCache, resultKey } from "../../../src/tools/result-cache.ts";
import type { Tool } from "../../../src/tools/tool.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { coder, command, eventsOf, oneTurn, play } from "./support.ts";

function memoryCache(): ResultCache & { readonly kept: Map<string, KeptResult> } {
  const kept = new Map<string, KeptResult>();
  return {
    kept,
    find: (key) => Promise.resolve(kept.get(key) ?? null),
    keep(key, result) {
      if (!kept.has(key)) {
        kept.set(key, result);
      }
      return Promise.resolve();
    },
  };
}

/** A tool whose answers differ from call to call. */
function counter(change: Partial<Tool> = {}): { readonly tool: Tool; readonly calls: () => number } {
  let calls = 0;
  const tool = coder({
    version: "1",
    async run() {
      calls += 1;
      return ok({ result: `answer ${calls}`, producedBy: "the outside" });
    },
    ...change,
  });
  return { tool, calls: () => calls };
}

function run(tool: Tool, results: ResultCache | null) {
  return play({
    script: oneTurn({ executor: [command("a", "b", "a")] }),
    tools: [tool],
    parts: results === null ? {} : { results },
    // A call's hash is made in real time: while it is on its way, everything that the clock knows of waits.
    clock: createVirtualClock({ whenIdle: "stay" }),
  });
}

test("the same call gives the same result, marked, and a second run makes no call", async () => {
  const counted = counter();
  const cache = memoryCache();
  const shown = async () =>
    eventsOf((await run(counted.tool, cache)).events, "tool.completed").map(({ result, cached }) => [result, cached]);
  expect(await shown()).toEqual([
    ["answer 1", undefined],
    ["answer 2", undefined],
    ["answer 1", true],
  ]);
  expect(await shown()).toEqual([
    ["answer 1", true],
    ["answer 2", true],
    ["answer 1", true],
  ]);
  expect(counted.calls()).toBe(2);
});

test("a run that did not ask for it makes every call", async () => {
  const counted = counter();
  await run(counted.tool, null);
  expect(counted.calls()).toBe(3);
});

test("what was cut stays cut, and says who made it", async () => {
  const cache = memoryCache();
  const { tool } = counter({ run: async () => ok({ result: "x".repeat(100_000), producedBy: "the outside" }) });
  const [first, , third] = eventsOf((await run(tool, cache)).events, "tool.completed");
  expect(third).toMatchObject({ cached: true, cut: true, produced_by: "the outside", result: first?.result });
});

test("a failure is not kept", async () => {
  const cache = memoryCache();
  const { tool } = counter({
    run: async () => ({ ok: false, error: { code: "timeout", detail: "", producedBy: "the outside" } }),
  });
  await run(tool, cache);
  expect(cache.kept.size).toBe(0);
});

describe("a result is found under", () => {
  const key = (change: Partial<Tool>, args: unknown = { code: "a" }) =>
    resultKey(coder({ version: "1", ...change }), args);

  test("tool, version and arguments, whatever the order of their members", async () => {
    const first = await key({}, { a: 1, b: [2] });
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await key({}, { b: [2], a: 1 })).toBe(first);
    expect(await key({ version: "2" }, { a: 1, b: [2] })).not.toBe(first);
    expect(await key({ name: "other" }, { a: 1, b: [2] })).not.toBe(first);
    expect(await key({}, { a: 1, b: [3] })).not.toBe(first);
  });

  test("nothing where the tool names no version or may not be called twice", async () => {
    expect(await resultKey(coder(), { code: "a" })).toBeNull();
    expect(await key({ repeat: "never" })).toBeNull();
    expect(await key({ repeat: "keyed" })).toBeNull();
  });
});
