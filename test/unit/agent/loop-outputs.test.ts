// What a run that goes well leaves behind: its log, event by event, and the outputs that were asked for.

import { describe, expect, it } from "vitest";
import { readSections } from "../../../src/lib/sections.ts";
import type { Script } from "../../support/scripted-engine.ts";
import { answer, analysis, command, eventsOf, oneTurn, plan, play, promptText, verdict } from "./support.ts";

const twoTurns: Script = {
  analyzer: [{ ...analysis, takesMs: 100 }],
  planner: [
    {
      ...plan({ sub_goal: "find the factors", tool_name: "wikipedia_search" }),
      takesMs: 200,
      deltas: ["find", " them"],
    },
    { ...plan(), takesMs: 200 },
  ],
  executor: [
    { value: { calls: [{ arguments: { query: "six" } }] }, takesMs: 50 },
    { ...command(), takesMs: 50 },
  ],
  verifier: [
    { ...verdict("continue"), takesMs: 70 },
    { ...verdict("stop"), takesMs: 70 },
  ],
  generator: [{ ...answer, takesMs: 300, deltas: ["4", "2"] }],
};

describe("a run of two turns", () => {
  it("leaves the golden log, types in order and every payload", async () => {
    const { log, types } = await play({ script: twoTurns });
    expect(types).toEqual([
      "run.created",
      "run.started",
      "analysis.completed",
      "turn.started",
      "plan.completed",
      "command.completed",
      "tool.started",
      "tool.completed",
      "verification.completed",
      "turn.completed",
      "turn.started",
      "plan.completed",
      "command.completed",
      "tool.started",
      "tool.completed",
      "verification.completed",
      "turn.completed",
      "answer.completed",
      "run.completed",
    ]);
    await expect(`${JSON.stringify(log.entries(), null, 2)}\n`).toMatchFileSnapshot("golden/two-turns.log.txt");
  });

  it("shows the second planner what the first turn left, and the first planner an empty memory", async () => {
    const { engine } = await play({ script: twoTurns });
    const [first, second] = engine
      .requestsOf("planner")
      .map((request) => readSections(promptText(request)).get("memory"));
    expect(first).toBe("");
    expect(JSON.parse(second ?? "")).toMatchObject({
      turn: 1,
      sub_goal: "find the factors",
      tool: "wikipedia_search",
      status: "ok",
      verification: { conclusion: "continue" },
    });
  });

  it("streams the plan with its turn and the answer with its kind, and stores no delta", async () => {
    const { deltas, types } = await play({ script: twoTurns });
    expect(deltas).toEqual([
      { type: "plan.delta", turn: 1, output: null, text: "find" },
      { type: "plan.delta", turn: 1, output: null, text: " them" },
      { type: "answer.delta", turn: null, output: "direct", text: "4" },
      { type: "answer.delta", turn: null, output: "direct", text: "2" },
    ]);
    expect(types.some((type) => type.endsWith(".delta"))).toBe(false);
  });

  it("adds up usage per role, per turn and in all", async () => {
    const { run, events } = await play({ script: twoTurns });
    const call = { prompt_tokens: 10, completion_tokens: 5 };
    const twice = { prompt_tokens: 20, completion_tokens: 10 };
    expect(run.usage).toEqual({
      total: { prompt_tokens: 80, completion_tokens: 40 },
      by_role: { analyzer: call, planner: twice, executor: twice, verifier: twice, generator: call },
    });
    expect(run.turns.map((turn) => turn.usage)).toEqual([
      { prompt_tokens: 30, completion_tokens: 15 },
      { prompt_tokens: 30, completion_tokens: 15 },
    ]);
    expect(eventsOf(events, "run.completed").map((event) => event.usage)).toEqual([run.usage]);
  });

  it("keeps a turn at four transactions", async () => {
    const { log } = await play({ script: twoTurns });
    // Start; then analysis, and per turn plan, command with tool.started, tool, verification; then the answer.
    expect(log.appends).toBe(1 + 1 + 2 * 4 + 1);
  });
});

describe("the outputs", () => {
  it("are asked for one by one, in the order wanted, and the first is the answer", async () => {
    const { run, engine } = await play({
      script: oneTurn({ generator: [{ text: "Six times seven is 42." }, { text: " 42\n" }, { text: "forty-two" }] }),
      spec: { outputs: ["final", "direct", "base"] },
    });
    expect(run.answer).toBe("Six times seven is 42.");
    expect(run.outputs).toEqual({ final: "Six times seven is 42.", direct: "42", base: "forty-two" });
    const versions = engine.requestsOf("generator").map((request) => promptText(request).split("\n")[0]);
    expect(new Set(versions).size).toBe(3);
  });

  it("with `base` alone need no analysis, no plan and no tool", async () => {
    const { types, run, engine } = await play({ script: { generator: [answer] }, spec: { outputs: ["base"] } });
    expect(types).toEqual(["run.created", "run.started", "answer.completed", "run.completed"]);
    expect(run).toMatchObject({ status: "completed", answer: "42", turns: [] });
    expect(promptText(engine.requestsOf("generator")[0])).toContain("What is six times seven?");
  });

  it("show `base` neither memory nor analysis nor tools", async () => {
    const { engine } = await play({
      script: oneTurn({ generator: [answer, answer] }),
      spec: { outputs: ["direct", "base"] },
    });
    const [direct, base] = engine.requestsOf("generator").map(promptText);
    expect(direct).toContain("print(6 * 7)");
    expect([...readSections(base ?? "").keys()]).toEqual(["query"]);
    expect(base).not.toContain("print(6 * 7)");
  });

  it("may be empty texts without being asked for again", async () => {
    const { run } = await play({ script: oneTurn({ generator: [{ text: " \n" }] }) });
    expect(run).toMatchObject({ status: "completed", answer: "" });
  });
});

describe("the session's past", () => {
  it("reaches analyzer and generator as data, and never the planner's memory", async () => {
    const { engine } = await play({
      script: oneTurn(),
      parts: { history: [{ query: "And before?", answer: "An earlier answer." }] },
    });
    for (const role of ["analyzer", "generator"] as const) {
      const [request] = engine.requestsOf(role);
      expect(readSections(promptText(request)).get("earlier")).toContain("An earlier answer.");
    }
    for (const role of ["planner", "verifier", "executor"] as const) {
      expect(promptText(engine.requestsOf(role)[0])).not.toContain("An earlier answer.");
    }
  });
});
