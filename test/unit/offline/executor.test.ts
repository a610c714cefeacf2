// The executor: programs for each kind of sub-goal, run in real Python; wrong plans fail and cost their turn.

import { beforeAll, describe, expect, it } from "vitest";
import { Command } from "../../../src/engines/module-replies.ts";
import { executorPrompt } from "../../../src/agent/prompts/executor.ts";
import { createOfflineEngine, offlineWeights } from "../../../src/engines/offline/engine.ts";
import { toSubGoal } from "../../../src/engines/offline/modules/sub-goals.ts";
import { planKinds } from "../../../src/engines/offline/policy/grammar.ts";
import { baseGenerator, call, pythonCoder, request } from "./support/simulate.ts";
import { type Python, startPython } from "./support/python.ts";
import * as z from "zod";

const engine = createOfflineEngine({ weights: offlineWeights });

async function programFor(query: string, subGoal: string, context = ""): Promise<string> {
  const prompt = executorPrompt({ query, action: { context, sub_goal: subGoal }, tool: pythonCoder });
  const reply = await call(engine, request("executor", prompt));
  const [first] = Command.parse(JSON.parse(reply.text)).calls;
  return z.object({ code: z.string() }).parse(first?.arguments).code;
}

describe("the executor", () => {
  let python: Python;
  beforeAll(async () => {
    python = await startPython();
  }, 60_000);

  const queries = {
    arithmetic: "What is 6 times 7?",
    target: "Make 24 from 4, 6, 1, 1",
    days: "How many days are there between 2024-01-01 and 2024-01-31?",
    weekday: "What weekday was 2024-01-01?",
    units: "Convert 3 km to metres.",
    statistics: "What is the median of 5, 1, 9?",
  };

  it("writes programs that fail for every kind that the question is not, and for combining nothing", async () => {
    for (const [own, query] of Object.entries(queries)) {
      for (const kind of planKinds.filter((other) => other !== own && other !== "guess" && other !== "restate")) {
        const { traceback } = python.run(await programFor(query, toSubGoal(kind, null)));
        expect(`${kind} for ${query}: ${traceback}`).toContain("LookupError");
      }
    }
  });

  it("guesses a number that looks like an answer, and restates without a result", async () => {
    expect(python.run(await programFor(queries.statistics, toSubGoal("guess", null))).stdout).toMatch(
      /^answer = \d+\n$/,
    );
    expect(python.run(await programFor(queries.weekday, toSubGoal("guess", null))).stdout).toMatch(
      /^answer = [A-Z][a-z]+day\n$/,
    );
    expect(python.run(await programFor(queries.days, toSubGoal("restate", null))).stdout).not.toContain(" = ");
  });

  it("combines what is known, even where a part is missing", async () => {
    const query = "Take the mean of 3, 5 and 10 and add 12 * 3.";
    const program = await programFor(query, toSubGoal("combine", null), "Known results:\nstatistics 1 = 6");
    expect(python.run(program).stdout).toBe("answer = 6\n");
  });

  it("works out the first, the last or all of several parts of one kind", async () => {
    const query = "Convert 3 km to metres. Convert 2 hours to minutes.";
    const printed = async (argument: "first" | "last" | null) =>
      python.run(await programFor(query, toSubGoal("units", argument))).stdout;
    expect(await printed("first")).toBe("units 1 = 3000\n");
    expect(await printed("last")).toBe("units 2 = 120\n");
    expect(await printed(null)).toBe("units 1 = 3000\nunits 2 = 120\n");
  });

  it("bounds powers and factorials, and reports what has no real value", async () => {
    for (const query of ["What is 9^99999?", "What is 5000!?", "What is the square root of -4?", "What is 5 / 0?"]) {
      const code = await programFor(query, toSubGoal("arithmetic", null));
      expect(`${query} ${python.run(code).traceback}`).toMatch(/Error/);
    }
  });

  it("reads another planner's words as a question of their own", async () => {
    expect(python.run(await programFor("A riddle.", "Calculate 6 times 7 with Python")).stdout).toBe(
      "arithmetic 1 = 42\n",
    );
  });

  it("fills other tools' arguments from their schema", async () => {
    const prompt = executorPrompt({ query: "Who?", action: { context: "", sub_goal: "x" }, tool: baseGenerator });
    const reply = await call(engine, request("executor", prompt));
    expect(Command.parse(JSON.parse(reply.text)).calls).toEqual([{ arguments: { query: "Who?" } }]);
  });
});
