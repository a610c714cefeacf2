// The record of a finished run: what was sampled, exactly, and nothing that was not.

import { describe, expect, it } from "vitest";
import type { Reference } from "../../../src/agent/run-spec.ts";
import { RolloutRecord, toRolloutRecord } from "../../../src/training/rollout-record.ts";
import { answer, coder, command, endless, limits, oneTurn, plan, playOn, verdict } from "../agent/support.ts";
import { playRewarded, recordOf, tokens } from "./support.ts";
import { err, ok } from "../../../src/lib/result.ts";

const twoTurns = oneTurn({
  planner: [
    {
      text: "no plan",
      tokens,
      finishReason: "length",
      reasoning: "hm",
      usage: { prompt_tokens: 4, completion_tokens: 3 },
      takesMs: 30,
    },
    { ...plan(), tokens, takesMs: 20, usage: { prompt_tokens: 40, completion_tokens: 30 } },
  ],
});
const rollout = {
  planner_structure: "free",
  sampling: { temperature: 0.9, top_p: 0.8, seed: 5 },
  metadata: { task: "t1" },
} as const;

describe("a turn's row", () => {
  it("has the exact ids, log-probs, mask and sampling", async () => {
    const { turns } = recordOf(await playRewarded({ script: twoTurns, spec: rollout }));
    expect(turns[1]).toMatchObject({
      turn_index: 1,
      num_turns: 2,
      is_last_turn: true,
      prompt_token_ids: [101, 7, 7, 102],
      response_token_ids: [5, 6, 2],
      response_logprobs: [-0.25, -1.5, 0],
      logprobs_mode: "processed",
      token_source: "engine",
      response_mask: [1, 1, 1],
      finish_reason: "stop",
      truncated: false,
      temperature: 0.9,
      top_p: 0.8,
      top_k: -1,
      min_p: 0,
      frequency_penalty: 0,
      presence_penalty: 0,
      repetition_penalty: 1,
      stop: null,
      max_tokens: 2048,
      seed: 5,
      guided: false,
      policy_version: "planner-7",
      policy_step: 7,
      model_requested: "scripted-planner",
      model_served: "scripted-planner",
      engine: "scripted",
      engine_attempts: 1,
      tool_name: "python_coder",
      tool_status: "ok",
      tool_calls: 1,
      verifier_conclusion: "stop",
      latency_ms: 20,
      prompt_tokens: 40,
      response_tokens: 30,
    });
  });

  it("counts a malformed reply as a turn, with its text and its reasoning", async () => {
    const record = recordOf(await playRewarded({ script: twoTurns, spec: rollout }));
    expect(record.num_turns).toBe(2);
    expect(record.turns[0]).toMatchObject({
      turn_index: 0,
      is_last_turn: false,
      response_text: "no plan",
      reasoning_text: "hm",
      finish_reason: "length",
      truncated: true,
      tool_name: null,
      tool_status: "unparsed",
      tool_calls: null,
      tool_latency_ms: null,
      verifier_conclusion: null,
      response_mask: [1, 1, 1],
    });
  });

  it("has the prompt and reply word for word, as they went over the wire", async () => {
    const played = await playRewarded({ script: twoTurns, spec: rollout });
    const record = recordOf(played);
    expect(record.turns.map((turn) => turn.messages)).toEqual(
      played.engine.requestsOf("planner").map((request) => request.messages),
    );
  });

  it("has null where the server gave no tokens", async () => {
    const { turns } = recordOf(await playRewarded({ script: oneTurn() }));
    expect(turns[0]).toMatchObject({
      prompt_token_ids: null,
      response_token_ids: null,
      response_logprobs: null,
      response_mask: null,
      logprobs_mode: "unknown",
      token_source: "none",
      seed: null,
      top_p: null,
      top_k: null,
      guided: true,
    });
  });

  it("has null log-probs, and never zeros, where the server gave ids alone", async () => {
    const script = oneTurn({ planner: [{ ...plan(), tokens: { ...tokens, response_logprobs: null } }] });
    const record = recordOf(await playRewarded({ script }));
    expect(record.turns[0]).toMatchObject({ response_logprobs: null, response_mask: [1, 1, 1] });
    expect(record.valid).toBe(true);
  });

  it("has empty lists for an empty reply", async () => {
    const none = { ...tokens, response_token_ids: [], response_logprobs: [] };
    const record = recordOf(await playRewarded({ script: oneTurn({ planner: [{ text: "", tokens: none }, plan()] }) }));
    expect(record.turns[0]).toMatchObject({
      response_token_ids: [],
      response_logprobs: [],
      response_mask: [],
      response_text: "",
    });
  });

  it("sums up the turn's calls: the worst status, their number and their time", async () => {
    const tool = coder({
      timeoutMs: 400,
      run: (args) =>
        JSON.stringify(args).includes("slow")
          ? new Promise(() => {})
          : Promise.resolve(
              JSON.stringify(args).includes("bad")
                ? err({ code: "program_error", detail: "", producedBy: "t" })
                : ok({ result: 1, producedBy: "t" }),
            ),
    });
    const { turns } = recordOf(
      await playRewarded({ script: oneTurn({ executor: [command("ok", "slow", "bad")] }), tools: [tool] }),
    );
    expect(turns[0]).toMatchObject({ tool_status: "timeout", tool_calls: 3, tool_latency_ms: 400 });
  });

  it("is there for a plan that a limit left unexecuted", async () => {
    const usage = { prompt_tokens: 900, completion_tokens: 100 };
    const { turns } = recordOf(
      await playRewarded({
        script: endless({ planner: () => ({ ...plan(), usage }) }),
        spec: limits({ max_tokens: 1000 }),
      }),
    );
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({
      tool_status: null,
      tool_calls: null,
      verifier_conclusion: null,
      tool_name: "python_coder",
    });
  });

  it("counts the tries of its call", async () => {
    const { turns } = recordOf(
      await playRewarded({ script: oneTurn({ planner: [{ error: "rate_limited" }, plan()] }) }),
    );
    expect(turns[0]?.engine_attempts).toBe(2);
  });
});

describe("the record", () => {
  it("satisfies its schema and survives its own JSON", async () => {
    const record = recordOf(await playRewarded({ script: twoTurns, spec: rollout, reference: { answers: ["42"] } }));
    expect(RolloutRecord.parse(JSON.parse(JSON.stringify(record)))).toEqual(record);
  });

  it("can be made of a run with a retry at every step", async () => {
    const busy = { error: "rate_limited" } as const;
    const script = {
      analyzer: [busy, { text: "?" }, { text: "?" }],
      planner: [busy, plan()],
      executor: [busy, { text: "?" }, command()],
      verifier: [busy, { text: "?" }, verdict("stop")],
      generator: [busy, answer],
    };
    expect(recordOf(await playRewarded({ script }))).toMatchObject({ status: "completed", valid: true, num_turns: 1 });
  });

  it("has the facts of the run, its reference and its reward", async () => {
    const reference: Reference = { answers: ["42"], reward: { kind: "exact" } };
    expect(recordOf(await playRewarded({ script: twoTurns, spec: rollout, reference }))).toMatchObject({
      schema_version: 1,
      reference,
      query: "What is six times seven?",
      answer: "42",
      outputs: { direct: "42" },
      status: "completed",
      stop_reason: "stop",
      error_code: null,
      reward: 1,
      reward_kind: "exact",
      reward_components: { exact: 1 },
      valid: true,
      invalid_reason: null,
      policy_version_min: "planner-7",
      policy_version_max: "planner-7",
      policy_step: 7,
      prompt_tokens: 44,
      response_tokens: 33,
      duration_ms: 50,
      started_at: "2026-01-01T00:00:00.000Z",
      ended_at: "2026-01-01T00:00:00.050Z",
      metadata: { task: "t1" },
    });
  });

  it("names the versions that served its turns, whichever came first, and not the one it was pinned to", async () => {
    const { log } = await playRewarded({ script: twoTurns, spec: rollout });
    const servedBy = (versions: readonly string[]) =>
      toRolloutRecord(
        log.entries().map(({ event, detail }) => {
          const version = versions[(event.turn ?? 0) - 1];
          const isPlan = event.type === "plan.completed" && version !== undefined;
          return { event: isPlan ? { ...event, policy_version: version } : event, detail };
        }),
      );
    const both = { policy_version_min: "after", policy_version_max: "before", invalid_reason: "mixed_policy" };
    expect(servedBy(["before", "after"])).toMatchObject(both);
    expect(servedBy(["after", "before"])).toMatchObject(both);
    expect(servedBy(["after", "after"])).toMatchObject({ ...both, policy_version_max: "after" });
  });

  it("names the limit as the reason of an incomplete run", async () => {
    const record = recordOf(await playRewarded({ script: endless(), spec: limits({ max_turns: 2 }) }));
    expect(record).toMatchObject({ status: "incomplete", stop_reason: "max_turns", valid: true, num_turns: 2 });
  });

  it("does not depend on when it is made", async () => {
    const { log } = await playRewarded({ script: twoTurns, spec: rollout });
    expect(toRolloutRecord(log.entries())).toEqual(toRolloutRecord(log.entries()));
  });

  it("of a log that has just begun has no turns and no end", async () => {
    const { log } = await playOn({ script: twoTurns });
    expect(toRolloutRecord(log.entries().slice(0, 1))).toMatchObject({
      status: "queued",
      num_turns: 0,
      policy_version_min: "planner-7",
      policy_version_max: "planner-7",
      ended_at: null,
      duration_ms: null,
      valid: false,
    });
    expect(toRolloutRecord([])).toBeNull();
  });
});
