// Memory M: deterministic, bounded, and always text that a server accepts.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elide, maxAnalysisChars, maxResultChars, type MemoryEntry, renderMemory } from "../../../src/agent/memory.ts";
import { toJsonText } from "../../../src/agent/json-text.ts";
import { ok } from "../../../src/lib/result.ts";
import { coder, command, endless, plan, playOn, promptText, verdict } from "./support.ts";

/** What `elide` puts between head and tail, and the characters that it may mend at the two cuts. */
const markChars = 60;
const wellFormed = fc.string({ unit: "binary", maxLength: 400 });
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 })
  .map((units) => String.fromCharCode(...units));
const bound = fc.integer({ min: 10, max: 200 });

describe("a long text", () => {
  it("is cut the same each time, to its bound and the mark that says how much is missing", () => {
    fc.assert(
      fc.property(fc.oneof(wellFormed, anyUnits), bound, (text, maxChars) => {
        const cut = elide(text, maxChars);
        expect(elide(text, maxChars)).toBe(cut);
        expect(cut.length).toBeLessThanOrEqual(Math.max(text.length, 0) > maxChars ? maxChars + markChars : maxChars);
        expect(cut === text).toBe(text.length <= maxChars);
      }),
    );
  });

  it("stays well-formed wherever the cut falls", () => {
    fc.assert(
      fc.property(wellFormed, bound, (text, maxChars) => {
        expect(elide(text, maxChars).isWellFormed()).toBe(true);
      }),
    );
    for (let maxChars = 10; maxChars < 20; maxChars += 1) {
      expect(elide("😀".repeat(40), maxChars).isWellFormed()).toBe(true);
    }
  });

  it("keeps its head and its tail, where a traceback says what went wrong", () => {
    expect(elide(`HEAD${".".repeat(1000)}TAIL`, 20)).toBe("HEAD.......... …[988 characters left out]… ..TAIL");
  });
});

function entry(change: Partial<MemoryEntry> = {}): MemoryEntry {
  return {
    turn: 1,
    sub_goal: "s",
    tool: "t",
    calls: [],
    status: "ok",
    error: null,
    verification: null,
    ms: 1,
    ...change,
  };
}

describe("rendered memory", () => {
  it("is one JSON object a line, whatever the texts hold, and empty for no turns", () => {
    expect(renderMemory([])).toBe("");
    const entries = fc.array(
      fc.record({ sub_goal: fc.option(anyUnits), result: fc.option(anyUnits), analysis: anyUnits }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(entries, (told) => {
        const memory = told.map(({ sub_goal, result, analysis }, index) =>
          entry({
            turn: index + 1,
            sub_goal,
            calls: [{ arguments: { a: result }, result, error: null, produced_by: "p" }],
            verification: { conclusion: "continue", analysis },
          }),
        );
        const lines = renderMemory(memory).split("\n");
        expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject(
          told.map((_, index) => ({ turn: index + 1 })),
        );
        expect(lines.every((line) => line.isWellFormed())).toBe(true);
      }),
    );
  });

  it("does not tell how long a turn took, nor who served it: equal turns look equal", () => {
    const call = { arguments: {}, result: "r", error: null };
    const one = entry({ ms: 1, calls: [{ ...call, produced_by: "a" }] });
    const other = entry({ ms: 999, calls: [{ ...call, produced_by: "b" }] });
    expect(renderMemory([one])).toBe(renderMemory([other]));
  });

  it("bounds every text of an entry", () => {
    const long = "x".repeat(1_000_000);
    const rendered = renderMemory([
      entry({
        sub_goal: long,
        tool: long,
        error: long,
        calls: [
          {
            arguments: { code: long },
            result: elide(long, maxResultChars),
            error: { code: "c", detail: long },
            produced_by: "",
          },
        ],
        verification: { conclusion: "continue", analysis: long },
      }),
    ]);
    expect(rendered.length).toBeLessThan(2 * maxResultChars + 4 * maxAnalysisChars + 1000);
  });
});

describe("the prompts of a run of twenty turns", () => {
  it("grow by a bounded step a turn, with the longest results, arguments, sub-goals and verdicts there can be", async () => {
    const long = "漢".repeat(80_000);
    const { engine, run } = await playOn({
      spec: { limits: { max_turns: 20, max_seconds: 300, max_tokens: 1_000_000 } },
      tools: [coder({ run: async () => ok({ result: long, producedBy: "test" }) })],
      script: endless({
        planner: () => plan({ sub_goal: long, context: long }),
        executor: () => command(long),
        verifier: () => verdict("continue", long),
      }),
    });
    expect(run.turns).toHaveLength(20);
    const sizes = engine.requestsOf("planner").map((request) => promptText(request).length);
    const steps = sizes.slice(1).map((size, index) => size - (sizes[index] ?? 0));
    // Arguments and result of one call, sub-goal and analysis, and a little for names and marks.
    expect(Math.max(...steps)).toBeLessThan(2 * maxResultChars + 2 * maxAnalysisChars + 500);
    for (const role of ["verifier", "generator"] as const) {
      const largest = Math.max(...engine.requestsOf(role).map((request) => promptText(request).length));
      expect(largest).toBeLessThan(21 * (2 * maxResultChars + 2 * maxAnalysisChars + 500) + 5_000);
    }
  });

  it("grow by as much for an unknown tool of any name", async () => {
    const { engine } = await playOn({
      spec: { limits: { max_turns: 3, max_seconds: 300, max_tokens: 1_000_000 } },
      script: endless({ planner: () => plan({ tool_name: "t".repeat(200_000) }) }),
    });
    expect(promptText(engine.requestsOf("planner")[2]).length).toBeLessThan(10_000);
  });
});

describe("JSON text", () => {
  it("is that of `JSON.stringify` for every JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(toJsonText(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it("is null for what has none", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    for (const value of [undefined, 1n, loop, () => 1, Symbol("s")]) {
      expect(toJsonText(value)).toBeNull();
    }
  });
});
