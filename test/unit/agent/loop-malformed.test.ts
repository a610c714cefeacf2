// What the loop does with replies that it cannot use: none is dropped in silence, none stops a run by accident,
// and the planner is never asked twice for one turn.

import { describe, expect, it } from "vitest";
import * as z from "zod";
import { readSections } from "../../../src/lib/sections.ts";
import { endless, eventsOf, limits, oneTurn, plan, play, promptText, verdict, command, coder } from "./support.ts";

const nonsense = { text: "I would rather not." };

describe("a module that stays silent", () => {
  const silence = () => ({ error: "empty_reply" }) as const;
  const always = () => [silence(), silence(), silence(), silence()];

  it("as the analyzer is asked no more after its retries, and the run goes on with an empty analysis", async () => {
    const { run, events } = await play({ script: oneTurn({ analyzer: always() }) });
    expect(eventsOf(events, "step.retried").map(({ reason }) => reason)).toEqual(Array(3).fill("empty_reply"));
    expect(eventsOf(events, "analysis.completed")[0]).toMatchObject({
      analysis: { summary: "", required_skills: [], relevant_tools: [], considerations: "" },
      parse: "none",
      model: "scripted-analyzer",
      usage: { prompt_tokens: 0, completion_tokens: 0 },
    });
    expect(run).toMatchObject({ status: "completed", answer: "42" });
  });

  it("as the verifier stops nothing, and says why in its note", async () => {
    const { run, events } = await play({
      script: oneTurn({
        planner: [plan(), plan()],
        executor: [command(), command()],
        verifier: [...always(), verdict("stop")],
      }),
    });
    expect(eventsOf(events, "verification.completed")[0]).toMatchObject({
      conclusion: "continue",
      analysis: "The verdict could not be read: the reply is empty",
      parse: "none",
    });
    expect(run).toMatchObject({ status: "completed", turns: [{}, {}] });
  });

  it("as the executor loses its turn and not the run", async () => {
    const { run } = await play({
      script: oneTurn({ planner: [plan(), plan()], executor: [...always(), command()] }),
    });
    expect(run).toMatchObject({ status: "completed", turns: [{ tool_status: "error", calls: [] }, {}] });
  });

  it("when it is asked again leaves what it said first", async () => {
    const { events } = await play({ script: oneTurn({ analyzer: [nonsense, ...always()] }) });
    expect(eventsOf(events, "analysis.completed")[0]).toMatchObject({ analysis: { summary: nonsense.text } });
  });

  it("as the generator fails the run, which then has no answer", async () => {
    const { run } = await play({ script: oneTurn({ generator: always() }) });
    expect(run).toMatchObject({ status: "failed", error: { code: "empty_reply" }, answer: null });
  });
});

describe("a planner's reply that cannot be read", () => {
  const script = () => oneTurn({ planner: [nonsense, plan()], generator: [{ text: "42" }] });

  it("is an event and a turn of its own, with the reason", async () => {
    const { events, run, types } = await play({ script: script() });
    expect(eventsOf(events, "plan.completed")[0]).toMatchObject({
      turn: 1,
      tool: null,
      sub_goal: null,
      tool_status: "unparsed",
      parse: "none",
      parse_error: expect.stringContaining("next_step"),
      policy_version: "planner-7",
    });
    expect(types.slice(3, 7)).toEqual(["turn.started", "plan.completed", "turn.completed", "turn.started"]);
    expect(run.turns).toHaveLength(2);
    expect(run.turns[0]).toMatchObject({ tool_status: "unparsed", calls: [], verification: null });
  });

  it("is not sampled again, and no executor and no verifier is called for its turn", async () => {
    const { engine, log } = await play({ script: script() });
    expect(engine.requestsOf("planner").map((request) => request.turn)).toEqual([1, 2]);
    expect(engine.requestsOf("executor").map((request) => request.turn)).toEqual([2]);
    expect(engine.requestsOf("verifier").map((request) => request.turn)).toEqual([2]);
    const entry = log.entries().find(({ event }) => event.type === "plan.completed");
    expect(entry?.detail?.calls?.map((call) => call.text)).toEqual([nonsense.text]);
  });

  it("stands in memory with its error, for the next plan to see", async () => {
    const { engine } = await play({ script: script() });
    const memory = readSections(promptText(engine.requestsOf("planner")[1])).get("memory") ?? "";
    expect(JSON.parse(memory)).toMatchObject({
      turn: 1,
      tool: null,
      status: "unparsed",
      error: expect.stringContaining("next_step"),
    });
  });

  it("uses up a turn like any other", async () => {
    const { run } = await play({ script: endless({ planner: () => nonsense }), spec: limits({ max_turns: 3 }) });
    expect(run).toMatchObject({ status: "incomplete", reason: "max_turns", answer: "42" });
    expect(run.turns.map((turn) => turn.tool_status)).toEqual(["unparsed", "unparsed", "unparsed"]);
  });

  it.each([
    ["no sub-goal", plan({ sub_goal: "  " })],
    ["no tool", plan({ tool_name: "" })],
  ])("may be well-formed JSON with %s", async (_name, reply) => {
    const { run } = await play({ script: oneTurn({ planner: [reply, plan()] }) });
    expect(run.turns[0]).toMatchObject({ tool_status: "unparsed" });
  });
});

describe("the planner's tool", () => {
  it("outside the catalogue makes the turn an error and names the tools there are", async () => {
    const { run, events, engine } = await play({
      script: oneTurn({ planner: [plan({ tool_name: "Calculator" }), plan()] }),
    });
    expect(run.turns[0]).toMatchObject({ plan: { tool: "Calculator" }, tool_status: "unknown_tool", calls: [] });
    expect(eventsOf(events, "plan.completed")[0]?.parse_error).toBe(
      'there is no tool "Calculator"; the tools are python_coder, wikipedia_search',
    );
    expect(engine.requestsOf("executor").map((request) => request.turn)).toEqual([2]);
  });

  it.each(["Python_Coder", "python coder", "PYTHON-CODER", "pythoncoder", " python_coder\n"])(
    "is found when written %j, and the log has the catalogue's name",
    async (name) => {
      const { events } = await play({ script: oneTurn({ planner: [plan({ tool_name: name })] }) });
      expect(eventsOf(events, "plan.completed")[0]).toMatchObject({ tool: "python_coder", tool_status: "ok" });
    },
  );

  it("may come in the labelled text form", async () => {
    const text = "Justification: arithmetic\nContext: 6, 7\nSub-Goal: multiply\nTool Name: Python Coder";
    const { events } = await play({ script: oneTurn({ planner: [{ text }] }) });
    expect(eventsOf(events, "plan.completed")[0]).toMatchObject({
      parse: "labelled",
      context: "6, 7",
      sub_goal: "multiply",
      tool: "python_coder",
    });
  });
});

describe("an executor's reply that cannot be used", () => {
  it("is asked for once more with what was wrong, and the retry is in the log first", async () => {
    const { types, engine, events, run } = await play({ script: oneTurn({ executor: [nonsense, command()] }) });
    expect(types.slice(5, 7)).toEqual(["step.retried", "command.completed"]);
    expect(eventsOf(events, "step.retried")[0]).toMatchObject({
      turn: 1,
      step: "command",
      role: "executor",
      attempt: 1,
      reason: "malformed_reply",
    });
    const [first, second] = engine.requestsOf("executor");
    expect(second?.messages.slice(0, 2)).toEqual(first?.messages);
    expect(second?.messages[2]).toEqual({ role: "assistant", content: nonsense.text });
    expect(second?.messages[3]?.content).toContain("tool_command");
    expect(run.status).toBe("completed");
  });

  it("counts both replies' tokens and keeps both calls", async () => {
    const { run, log } = await play({ script: oneTurn({ executor: [nonsense, command()] }) });
    expect(run.usage.by_role.executor).toEqual({ prompt_tokens: 20, completion_tokens: 10 });
    const entry = log.entries().find(({ event }) => event.type === "command.completed");
    expect(entry?.detail?.calls).toHaveLength(2);
  });

  it("twice over makes the turn an error that memory shows, without a tool call or a verdict", async () => {
    const { run, events, engine } = await play({
      script: oneTurn({ planner: [plan(), plan()], executor: [nonsense, nonsense, command()] }),
    });
    expect(eventsOf(events, "command.completed")[0]).toMatchObject({
      calls: [],
      parse: "none",
      parse_error: expect.any(String),
    });
    expect(run.turns[0]).toMatchObject({ tool_status: "error", calls: [], verification: null });
    const memory = readSections(promptText(engine.requestsOf("planner")[1])).get("memory") ?? "";
    expect(JSON.parse(memory)).toMatchObject({ status: "error", error: expect.any(String) });
  });

  it("may have arguments that the tool's schema refuses", async () => {
    const wrong = { value: { analysis: "", calls: [{ arguments: { code: 42 } }] } };
    const { events } = await play({ script: oneTurn({ executor: [wrong, command()] }) });
    expect(eventsOf(events, "step.retried")[0]?.message).toMatch(/^calls\[0\]\.arguments\.code: /);
  });

  it("may have an argument too many", async () => {
    const wrong = { value: { analysis: "", calls: [{ arguments: { code: "1", shell: true } }] } };
    const { events } = await play({ script: oneTurn({ executor: [wrong, command()] }) });
    expect(eventsOf(events, "step.retried")[0]?.message).toMatch(/^calls\[0\]\.arguments: .*shell/);
  });

  it("may have more calls than a turn allows", async () => {
    const { events } = await play({
      script: oneTurn({ executor: [command(...Array.from({ length: 9 }, () => "1")), command()] }),
    });
    expect(eventsOf(events, "step.retried")[0]?.message).toBe("at most 8 calls are allowed in a turn");
  });

  it("is quoted with whole characters only, however long it is", async () => {
    const { engine } = await play({ script: oneTurn({ executor: [{ text: `.${"😀".repeat(3000)}` }, command()] }) });
    const quoted = engine.requestsOf("executor")[1]?.messages[2]?.content ?? "";
    expect(quoted.isWellFormed()).toBe(true);
    expect(quoted.length).toBeLessThanOrEqual(4000);
  });

  it("does not reach the log when its arguments are nested too deeply to be stored", async () => {
    const deep = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
    const text = `{"analysis":"","calls":[{"arguments":{"code":${deep}}}]}`;
    const open = coder({ parameters: z.looseObject({}) });
    const { run, events } = await play({ script: oneTurn({ executor: [{ text }, command()] }), tools: [open] });
    expect(eventsOf(events, "step.retried")[0]?.message).toBe("calls[0].arguments: nested too deeply");
    expect(run.status).toBe("completed");
  });
});

describe("arguments as JSON text", () => {
  it("are read, as models trained on function calls write them", async () => {
    const reply = { value: { analysis: "", calls: [{ arguments: JSON.stringify({ code: "print(42)" }) }] } };
    const { run } = await play({ script: oneTurn({ executor: [reply] }) });
    expect(run.turns[0]?.calls[0]).toMatchObject({ arguments: { code: "print(42)" }, status: "ok" });
  });

  it("that are no JSON are complained about", async () => {
    const reply = { value: { analysis: "", calls: [{ arguments: "print(42)" }] } };
    const { events } = await play({ script: oneTurn({ executor: [reply, command()] }) });
    expect(eventsOf(events, "step.retried")[0]?.message).toMatch(/^calls\[0\]\.arguments: /);
  });
});

describe("a verdict", () => {
  it("that cannot be read, twice, counts as `continue`", async () => {
    const { events, run } = await play({
      script: oneTurn({
        planner: [plan(), plan()],
        executor: [command(), command()],
        verifier: [nonsense, nonsense, verdict("stop")],
      }),
    });
    expect(eventsOf(events, "verification.completed")[0]).toMatchObject({
      conclusion: "continue",
      parse: "none",
      analysis: expect.stringContaining("could not be read"),
    });
    expect(run.turns).toHaveLength(2);
    expect(run.status).toBe("completed");
  });

  it("is read the second time where the first was malformed", async () => {
    const { run } = await play({ script: oneTurn({ verifier: [nonsense, verdict("stop")] }) });
    expect(run).toMatchObject({ status: "completed" });
    expect(run.turns).toHaveLength(1);
  });

  it.each(["We must not stop yet.", "Do not stop; stop is wrong here.", "STOP would be too early."])(
    "of `continue` whose words are %j does not stop",
    async (words) => {
      const { run } = await play({
        script: endless({ verifier: () => verdict("continue", words) }),
        spec: limits({ max_turns: 2 }),
      });
      expect(run).toMatchObject({ status: "incomplete", reason: "max_turns" });
      expect(run.turns).toHaveLength(2);
    },
  );

  it("of prose about stopping never stops", async () => {
    const { run } = await play({
      script: endless({ verifier: () => ({ text: "Conclusion: do not stop yet." }) }),
      spec: limits({ max_turns: 1 }),
    });
    expect(run.turns[0]?.verification?.conclusion).toBe("continue");
  });

  it("of `stop` completes the run", async () => {
    const { run } = await play({ script: oneTurn({ verifier: [{ value: { analysis: "", conclusion: " STOP " } }] }) });
    expect(run).toMatchObject({ status: "completed", answer: "42" });
    expect(run.reason).toBeUndefined();
  });
});

describe("an analysis that cannot be read", () => {
  it("does not fail the run: its text is the summary", async () => {
    const { events, run } = await play({ script: oneTurn({ analyzer: [nonsense, nonsense] }) });
    expect(eventsOf(events, "analysis.completed")[0]).toMatchObject({
      parse: "none",
      analysis: { summary: nonsense.text, required_skills: [], relevant_tools: [] },
    });
    expect(run.status).toBe("completed");
  });
});
