// The planner as the loop sees it: token ids, log-probs, seeds and texts, and the features that it takes from a prompt.

import { describe, expect, it } from "vitest";
import type { MemoryEntry } from "../../../src/agent/memory.ts";
import { planReply } from "../../../src/engines/module-replies.ts";
import { plannerPrompt } from "../../../src/agent/prompts/planner.ts";
import { ReplyTokens } from "../../../src/engines/engine.ts";
import { createOfflineEngine, offlineWeights } from "../../../src/engines/offline/engine.ts";
import { toSubGoal } from "../../../src/engines/offline/modules/sub-goals.ts";
import { features } from "../../../src/engines/offline/policy/features.ts";
import { toPlan } from "../../../src/engines/offline/policy/grammar.ts";
import { logProbs } from "../../../src/engines/offline/policy/policy.ts";
import { featureNames } from "../../../src/engines/offline/policy/vocabulary.ts";
import { baseGenerator, call, fakeTool, greedy, pythonCoder, request } from "./support/simulate.ts";
import { entry } from "./support/entry.ts";

const engine = createOfflineEngine({ weights: offlineWeights });
const analysis = { summary: "", required_skills: [], relevant_tools: [], considerations: "" };
const tools = [baseGenerator, pythonCoder];

describe("the planner", () => {
  const query = "Take the mean of 3, 5 and 10 and add 12 * 3.";
  const prompt = plannerPrompt({ query, analysis, tools, memory: [], turnsLeft: 4 });
  const ask = (sampling = greedy, turn = 1) =>
    call(engine, request("planner", prompt, { turn, sampling, capture: "tokens", schema: planReply }));

  it("reports feature ids as prompt, plan tokens as response, and log-probs that ids and weights give again", async () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const reply = await ask({ temperature: 1.2, topP: 0.9, seed, maxTokens: 64 });
      const { prompt_token_ids, response_token_ids, response_logprobs, logprobs_mode } = ReplyTokens.parse(
        reply.tokens,
      );
      expect(prompt_token_ids).toEqual(features(prompt.messages));
      expect(response_logprobs).toEqual(
        logProbs(offlineWeights, prompt_token_ids, response_token_ids, { temperature: 1.2, topP: 0.9 }),
      );
      expect(logprobs_mode).toBe("processed");
      expect(toPlan(response_token_ids)).not.toBeNull();
      expect(reply.usage).toEqual({
        prompt_tokens: prompt_token_ids.length,
        completion_tokens: response_token_ids.length,
      });
    }
  });

  it("repeats a plan for the same seed and turn, and varies with either", async () => {
    const hot = (seed: number) => ({ temperature: 2, seed, maxTokens: 64 });
    expect(await ask(hot(3))).toEqual(await ask(hot(3)));
    const texts = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => ask(hot(seed))));
    const turns = await Promise.all([1, 2, 3, 4, 5, 6].map((turn) => ask(hot(3), turn)));
    expect(new Set(texts.map(({ text }) => text)).size).toBeGreaterThan(1);
    expect(new Set(turns.map(({ text }) => text)).size).toBeGreaterThan(1);
  });

  it("takes randomness from the injected source where no seed is given", async () => {
    const asked: number[] = [];
    const random = () => asked.push(0) / 1e9;
    const own = createOfflineEngine({ weights: offlineWeights, random });
    await call(own, request("planner", prompt, { sampling: { temperature: 1, maxTokens: 64 } }));
    expect(asked.length).toBeGreaterThan(1);
  });

  it("is cut short by max_tokens like any model", async () => {
    const reply = await ask({ temperature: 0, maxTokens: 1 });
    expect([reply.text, reply.finishReason, reply.parsed?.how]).toEqual(["", "length", "none"]);
  });

  it("names only tools of the prompt", async () => {
    const only = plannerPrompt({ query, analysis, tools: [fakeTool("wikipedia_search")], memory: [], turnsLeft: 4 });
    const reply = await call(engine, request("planner", only, { schema: planReply }));
    expect(reply.parsed).toMatchObject({ how: "strict", value: { tool_name: "wikipedia_search" } });
  });

  it("hands the results of the memory to the executor", async () => {
    const memory = [
      entry(toSubGoal("statistics", null), "statistics 1 = 6\n"),
      entry(toSubGoal("arithmetic", null), "arithmetic 1 = 36\n"),
    ];
    const reply = await call(
      engine,
      request("planner", plannerPrompt({ query, analysis, tools, memory, turnsLeft: 2 }), { schema: planReply }),
    );
    expect(reply.parsed).toMatchObject({
      value: { sub_goal: toSubGoal("combine", null), context: "Known results:\nstatistics 1 = 6\narithmetic 1 = 36" },
    });
  });
});

describe("the features", () => {
  const named = (memory: MemoryEntry[], query = "mean of 3, 5") =>
    features(plannerPrompt({ query, analysis, tools, memory, turnsLeft: 1 }).messages).map((id) => featureNames[id]);

  it("depend on tools, query and memory, and not on the analysis or the turns left", () => {
    const base = features(plannerPrompt({ query: "mean of 3, 5", analysis, tools, memory: [], turnsLeft: 1 }).messages);
    const other = { ...analysis, summary: "statistics", relevant_tools: ["python_coder"] };
    expect(
      features(plannerPrompt({ query: "mean of 3, 5", analysis: other, tools, memory: [], turnsLeft: 9 }).messages),
    ).toEqual(base);
    expect(named([])).toEqual(
      expect.arrayContaining([
        "bias",
        "tool:python_coder",
        "tool:base_generator",
        "mean",
        "<list>",
        "mean|<list>",
        "results:0",
      ]),
    );
  });

  it("tell which kinds have results and which failed", () => {
    const seen = named([
      entry(toSubGoal("days", null), "", "LookupError: no"),
      entry(toSubGoal("statistics", null), "statistics 1 = 4\n"),
    ]);
    expect(seen).toEqual(expect.arrayContaining(["failed:days", "done:statistics", "results:1"]));
    expect(seen).not.toContain("last:failed");
  });

  it("leave out the groups that a policy does not see", () => {
    const { messages } = plannerPrompt({
      query: "mean of 3, 5",
      analysis,
      tools,
      memory: [entry(toSubGoal("statistics", null), "statistics 1 = 4\n")],
      turnsLeft: 1,
    });
    const blind = features(messages, ["bias", "tools", "query"]).map((id) => featureNames[id]);
    expect(blind.some((name) => name?.startsWith("done:") || name?.startsWith("results:"))).toBe(false);
    expect(blind).toContain("mean");
  });
});
