// What reaches the models: the planner gets the run's policy, sampling and budget, the others none of it, and
// nobody is shown a reference answer or a key.

import { describe, expect, it } from "vitest";
import type { PolicyEndpoint } from "../../../src/engines/engine.ts";
import { coder, command, endless, limits, oneTurn, plan, play, playOn, verdict } from "./support.ts";

const frozenRoles = ["analyzer", "executor", "verifier", "generator"] as const;

describe("the planner's call", () => {
  const policy: PolicyEndpoint = {
    kind: "hosted",
    baseUrl: "https://planner.example/v1",
    model: "planner-8b",
    apiKey: "sk-secret",
  };

  it("goes to the policy's endpoint, and the others' do not", async () => {
    const { engine } = await play({ script: oneTurn(), parts: { policy } });
    expect(engine.requestsOf("planner")[0]?.policy).toEqual(policy);
    for (const role of frozenRoles) {
      expect(engine.requestsOf(role)[0]).not.toHaveProperty("policy");
    }
  });

  it("has the run's sampling, and asks for token ids", async () => {
    const { engine } = await play({
      script: oneTurn(),
      spec: { sampling: { temperature: 1.25, top_p: 0.9, seed: 77 } },
    });
    expect(engine.requestsOf("planner")[0]).toMatchObject({
      sampling: { temperature: 1.25, topP: 0.9, seed: 77, maxTokens: 2048 },
      capture: "tokens",
      structure: "guided",
      schema: "next_step",
    });
  });

  it("of a rollout has a seed of its own in each turn, the same whenever the turn is played, and the log shows it", async () => {
    const twoTurns = () => ({
      planner: [plan(), plan()],
      executor: [command(), command()],
      verifier: [verdict("continue"), verdict("stop")],
    });
    const rollout = {
      batch_id: "bat_1",
      group_id: "grp_1",
      task_id: "task_1",
      rollout_index: 0,
      rollout_attempt: 1,
      split: "train",
    };
    const seedsOf = async (seed: number) => {
      const change = { rollout, sampling: { temperature: 1, seed } };
      const { engine, log } = await play({ script: oneTurn(twoTurns()), spec: change });
      const sent = engine.requestsOf("planner").map(({ sampling }) => sampling.seed);
      const calls = log.entries().flatMap(({ detail }) => detail?.calls ?? []);
      const logged = calls.filter(({ role }) => role === "planner").map(({ sampling }) => sampling.seed);
      expect(logged).toEqual(sent);
      return sent;
    };
    const seeds = [...(await seedsOf(77)), ...(await seedsOf(Number.MAX_SAFE_INTEGER))];
    expect(new Set(seeds).size).toBe(4);
    expect(seeds.every((seed) => Number.isInteger(seed) && Number(seed) >= 0 && Number(seed) < 2 ** 31)).toBe(true);
    expect(await seedsOf(77)).toEqual(seeds.slice(0, 2));
  });

  it("sends no seed and no top_p that nobody asked for", async () => {
    const { engine } = await play({ script: oneTurn() });
    expect(Object.keys(engine.requestsOf("planner")[0]?.sampling ?? {}).toSorted()).toEqual([
      "maxTokens",
      "temperature",
    ]);
  });

  it.each([
    ["free", true],
    ["guided", undefined],
  ] as const)("that is %s has neutral sampling: %s", async (structure, neutral) => {
    const { engine } = await play({ script: oneTurn(), spec: { planner_structure: structure } });
    const [request] = engine.requestsOf("planner");
    expect(request?.structure).toBe(structure);
    expect(request?.sampling.neutral).toBe(neutral);
    for (const role of frozenRoles) {
      expect(engine.requestsOf(role)[0]?.sampling).not.toHaveProperty("neutral");
    }
  });

  it("may use as many tokens as the run has left", async () => {
    const usage = { prompt_tokens: 500, completion_tokens: 100 };
    const { engine } = await playOn({
      script: endless({ verifier: () => ({ ...verdict("continue"), usage }) }),
      spec: limits({ max_tokens: 2500 }),
    });
    // 15 tokens for each call that costs the usual, 600 for each verdict.
    const asked = engine.requestsOf("planner").map((request) => request.sampling.maxTokens);
    expect(asked).toEqual([2048, 2500 - 15 - 630, 2500 - 15 - 2 * 630, 2500 - 15 - 3 * 630]);
  });

  it("carries the run and the turn, and its version goes into the log", async () => {
    const { engine, run } = await play({
      script: oneTurn({
        planner: [plan(), plan()],
        executor: [command(), command()],
        verifier: [verdict("continue"), verdict("stop")],
      }),
    });
    expect(engine.requestsOf("planner").map(({ turn }) => turn)).toEqual([1, 2]);
    expect(new Set(engine.requests.map((request) => request.runId))).toEqual(new Set([run.id]));
    expect(run.turns.map((turn) => turn.plan?.policy_version)).toEqual(["planner-7", "planner-7"]);
  });
});

describe("the frozen modules", () => {
  it("are asked at temperature 0, guided, without token capture, whatever the planner's sampling is", async () => {
    const { engine } = await play({ script: oneTurn(), spec: { sampling: { temperature: 2, seed: 1 } } });
    const asked = engine.requests.filter((request) => request.role !== "planner");
    expect(asked.map(({ role, structure, schema }) => [role, structure, schema])).toEqual([
      ["analyzer", "guided", "query_analysis"],
      ["executor", "guided", "tool_command"],
      ["verifier", "guided", "verification"],
      ["generator", "free", null],
    ]);
    expect(asked.every((request) => request.capture === "text")).toBe(true);
    expect(asked.map((request) => request.sampling)).toEqual(asked.map(() => ({ temperature: 0, maxTokens: 4096 })));
  });

  it("and the planner accept at most 256 KB of a reply", async () => {
    const { engine } = await play({ script: oneTurn() });
    expect(new Set(engine.requests.map((request) => request.maxReplyBytes))).toEqual(new Set([256 * 1024]));
  });
});

describe("no prompt", () => {
  it("holds a reference answer, a reward, a key, a tenant or metadata", async () => {
    const { engine, log } = await play({
      script: oneTurn({ generator: [{ text: "a" }, { text: "b" }, { text: "c" }] }),
      spec: { outputs: ["direct", "final", "base"], metadata: { note: "metadata-marker" } },
      reference: { answers: ["gold-marker"], reward: { kind: "exact" } },
      parts: { policy: { kind: "hosted", baseUrl: "https://policy-marker.example", model: "m", apiKey: "key-marker" } },
    });
    const said = JSON.stringify(engine.requests.map((request) => request.messages));
    expect(said).not.toMatch(/marker|acme/);
    expect(JSON.stringify(log.events())).not.toMatch(/gold-marker|key-marker/);
    expect(log.entries()[0]?.detail?.reference?.answers).toEqual(["gold-marker"]);
  });

  it("shows a tool that the run does not have", async () => {
    const { engine } = await play({ script: oneTurn(), tools: [coder()] });
    expect(JSON.stringify(engine.requests)).not.toContain("wikipedia_search");
  });
});
