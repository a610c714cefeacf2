// What the loop does where its surroundings fail it: an engine that does not listen, a context that is full, a
// session with a long past, work that no signal reaches.

import { describe, expect, it } from "vitest";
import type { Engine } from "../../../src/engines/engine.ts";
import { ok } from "../../../src/lib/result.ts";
import { createScriptedEngine } from "../../support/scripted-engine.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { answer, coder, endless, limits, oneTurn, play, playOn, promptText } from "./support.ts";

describe("an engine that ignores its signal", () => {
  it("holds up neither the run's time limit nor the answer", async () => {
    const clock = createVirtualClock();
    const generator = createScriptedEngine({ generator: [answer] }, clock);
    const engine: Engine = {
      modelOf: () => "deaf",
      chat: (request, signal) =>
        request.role === "generator" ? generator.chat(request, signal) : new Promise(() => undefined),
    };
    const { run } = await playOn({ script: {}, clock, parts: { engine }, spec: limits({ max_seconds: 5 }) });
    expect(run).toMatchObject({ status: "incomplete", reason: "max_seconds", answer: "42" });
  });

  it("does not hold up a cancel", async () => {
    const abort = new AbortController();
    const engine: Engine = {
      modelOf: () => "deaf",
      chat: () => {
        queueMicrotask(() => abort.abort());
        return new Promise(() => undefined);
      },
    };
    const { types } = await playOn({ script: {}, abort, parts: { engine } });
    expect(types).toEqual(["run.created", "run.started"]);
  });
});

describe("the generator after a full context", () => {
  it("is shown the last turns in brief and asked for a short answer", async () => {
    const long = coder({ run: async () => ok({ result: "r".repeat(3000), producedBy: "p" }) });
    let plans = 0;
    const base = endless();
    const { engine, run } = await playOn({
      script: {
        ...base,
        planner: (request) => {
          plans += 1;
          const plan = base.planner;
          return plans > 5 || typeof plan !== "function" ? { error: "context_limit" } : plan(request, plans);
        },
      },
      tools: [long],
      parts: { history: [{ query: "before", answer: "then" }] },
    });
    const asked = engine.requestsOf("generator")[0];
    const prompt = promptText(asked);
    expect(run).toMatchObject({ status: "incomplete", reason: "context_limit", answer: "42" });
    expect(prompt.length).toBeLessThan(6000);
    expect(prompt).toContain('"turn":5');
    expect(prompt).not.toContain('"turn":2');
    expect(prompt).not.toContain("<earlier>");
    expect(asked?.sampling.maxTokens).toBeLessThan(1000);
  });
});

describe("a session's past", () => {
  it("is elided in the prompts that show it", async () => {
    const history = Array.from({ length: 10 }, () => ({ query: "q".repeat(32_000), answer: "a".repeat(16_000) }));
    const { engine } = await play({ script: oneTurn(), parts: { history } });
    expect(promptText(engine.requestsOf("analyzer")[0]).length).toBeLessThan(30_000);
    expect(promptText(engine.requestsOf("generator")[0]).length).toBeLessThan(30_000);
  });
});

describe("a tool", () => {
  it("is told how long the run has left, for work that no signal can interrupt", async () => {
    const told: number[] = [];
    const tool = coder({
      run: async (_args, context) => {
        told.push(context.timeLeftMs);
        return ok({ result: "42", producedBy: "p" });
      },
    });
    await play({ script: oneTurn(), tools: [tool], spec: limits({ max_seconds: 7 }) });
    expect(told).toEqual([7000]);
  });
});
