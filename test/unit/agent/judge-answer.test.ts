// The judge: one word decides, a reply without it is asked for once more, and a judge that fails has not said 0.

import { describe, expect, it } from "vitest";
import { judgeAnswer } from "../../../src/agent/judge-answer.ts";
import { judgePrompt } from "../../../src/agent/prompts/judge.ts";
import { createOfflineEngine, offlineWeights } from "../../../src/engines/offline/engine.ts";
import { createScriptedEngine, type Script } from "../../support/scripted-engine.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

const input = { query: "What is six times seven?", answer: "It is 42.", answers: ["42"], instructions: null };
const signal = new AbortController().signal;

async function judge(judgements: NonNullable<Script["judge"]>) {
  const engine = createScriptedEngine({ judge: judgements }, createVirtualClock());
  const judged = await judgeAnswer({ engine, runId: "run_1" }, input, signal);
  return { judged, requests: engine.requests };
}

describe("a verdict", () => {
  it.each([
    ['{"analysis": "The same number.", "verdict": "TRUE"}', 1],
    ['{"analysis": "Another number.", "verdict": "FALSE"}', 0],
    ['{"analysis": "", "verdict": true}', 1],
    ["Analysis: it says 42.\nVerdict: **True**", 1],
  ])("of %j", async (text, value) => {
    const { judged } = await judge([{ text }]);
    expect(judged).toMatchObject({
      ok: true,
      value: { value, components: { judge: value }, judgeModel: "scripted-judge", promptVersion: "judge/1" },
    });
  });

  it("keeps the analysis as its reason, and no more of it than a note", async () => {
    const { judged } = await judge([{ text: JSON.stringify({ analysis: "x".repeat(5000), verdict: "TRUE" }) }]);
    expect(judged.ok ? judged.value.reason : "").toBe("x".repeat(2000));
  });

  it("that cannot be read is asked for once more, with the complaint", async () => {
    const { judged, requests } = await judge([
      { text: '{"analysis": "hm", "verdict": "maybe"}' },
      { text: '{"analysis": "yes", "verdict": "TRUE"}' },
    ]);
    expect(judged).toMatchObject({ ok: true, value: { value: 1 } });
    expect(requests[1]?.messages.at(-1)?.content).toContain("cannot be used");
  });
});

describe("a judge has failed", () => {
  it("where two replies in a row hold no verdict", async () => {
    const { judged } = await judge([{ text: "I cannot say." }, { text: "Really." }]);
    expect(judged).toMatchObject({ ok: false, error: { code: "bad_verdict", isRetryable: false } });
  });

  it.each([
    ["rate_limited", true],
    ["engine_auth", false],
  ] as const)("with %s as the engine says it", async (error, isRetryable) => {
    const { judged } = await judge([{ error }]);
    expect(judged).toMatchObject({ ok: false, error: { code: error, isRetryable } });
  });

  it("where there is only the offline engine, which reads no answers", async () => {
    const engine = createOfflineEngine({ weights: offlineWeights, random: () => 0.5 });
    const judged = await judgeAnswer({ engine, runId: "run_1" }, input, signal);
    expect(judged).toMatchObject({ ok: false, error: { code: "engine_refused", isRetryable: false } });
  });
});

describe("the judge's prompt", () => {
  it("leaves out what there is not, and the middle of an enormous answer", () => {
    const prompt = judgePrompt({ ...input, answers: [], answer: `START${"x".repeat(100_000)}END` });
    const [, user] = prompt.messages;
    expect(user?.content).not.toContain("<references>");
    expect(user?.content.length).toBeLessThan(25_000);
    expect(user?.content).toMatch(/START[^]*END/);
  });
});
