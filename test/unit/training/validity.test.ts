// Whether a rollout counts: it does unless something outside the policy broke it, and then the record says what.

import { describe, expect, it } from "vitest";
import type { ReplyTokens } from "../../../src/engines/engine.ts";
import type { RunState } from "../../../src/agent/run-state.ts";
import { invalidReasonOf, isSoundCapture } from "../../../src/training/validity.ts";
import type { TurnRow } from "../../../src/training/turn-row.ts";
import type { Script } from "../../support/scripted-engine.ts";
import { answer, coder, endless, limits, oneTurn, plan, play, playOn, verdict } from "../agent/support.ts";
import { playRewarded, recordOf, tokens } from "./support.ts";
import { err } from "../../../src/lib/result.ts";

async function soundRun(): Promise<{ state: RunState; row: TurnRow }> {
  const played = await playRewarded({ script: oneTurn({ planner: [{ ...plan(), tokens }] }) });
  const [row] = recordOf(played).turns;
  if (row === undefined) {
    throw new Error("the run has a turn");
  }
  return { state: played.log.readState(), row };
}

describe("a rollout is valid", () => {
  const bad = coder({ run: async () => err({ code: "program_error", detail: "", producedBy: "t" }) });
  it.each([
    ["that was completed", { script: oneTurn() }],
    ["whose plan was malformed", { script: oneTurn({ planner: [{ text: "?" }, plan()] }) }],
    ["that chose an unknown tool", { script: oneTurn({ planner: [plan({ tool_name: "x" }), plan()] }) }],
    ["whose tool failed", { script: oneTurn(), tools: [bad] }],
    ["that met max_turns", { script: endless(), spec: limits({ max_turns: 1 }) }],
    ["that met max_tokens", { script: endless(), spec: limits({ max_tokens: 30 }) }],
    ["that met max_seconds", { script: endless({ verifier: [{ hang: true }] }) }],
    ["that met a context limit", { script: endless({ executor: [{ error: "context_limit" }] }) }],
  ])("%s", async (_name, options) => {
    expect(recordOf(await playRewarded(options))).toMatchObject({ valid: true, invalid_reason: null });
  });
});

describe("a rollout is invalid", () => {
  it.each([
    ["engine_failed", { planner: [{ error: "engine_auth" }] }],
    ["engine_failed", { generator: [{ error: "context_limit" }] }],
  ] satisfies [string, Script][])("%s, where the engine failed", async (reason, change) => {
    expect(recordOf(await playRewarded({ script: oneTurn(change) }))).toMatchObject({
      valid: false,
      invalid_reason: reason,
    });
  });

  it("platform_lost, where crash followed crash", async () => {
    const played = await playOn({
      script: endless(),
      crashAt: (append) => (append === 1 || append % 2 === 0 ? null : "before"),
    });
    expect(recordOf(played)).toMatchObject({
      status: "failed",
      error_code: "recovery_exhausted",
      invalid_reason: "platform_lost",
    });
  });

  it.each(["sandbox_unavailable", "sandbox_busy", "sandbox_overloaded"])(
    "platform_lost, where a program met %s",
    async (code) => {
      const tool = coder({ run: async () => err({ code, detail: "", producedBy: "python-sandbox" }) });
      const played = await playRewarded({ script: oneTurn(), tools: [tool] });
      expect(recordOf(played)).toMatchObject({ valid: false, invalid_reason: "platform_lost" });
    },
  );

  it("cancelled, where it was cancelled", async () => {
    const played = await playOn({
      script: endless(),
      onCommit: (events, { log, abort }) => {
        if (events.some((event) => event.type === "turn.completed") && !abort.signal.aborted) {
          abort.abort();
          log.append([{ type: "run.cancelled", turn: null, usage: log.readState().usage }], 0);
        }
      },
    });
    expect(recordOf(played)).toMatchObject({ status: "cancelled", invalid_reason: "cancelled" });
  });

  it("no_turns, where there was nothing to plan", async () => {
    const played = await play({ script: { generator: [answer] }, spec: { outputs: ["base"] } });
    expect(recordOf(played)).toMatchObject({ invalid_reason: "no_turns", num_turns: 0 });
  });

  it("no_reward, where none was recorded", async () => {
    expect(recordOf(await play({ script: oneTurn() }))).toMatchObject({ invalid_reason: "no_reward", reward: null });
  });

  it("mixed_policy, where two models served its plans", async () => {
    const script = endless({
      planner: (_request, index) => ({ ...plan(), modelServed: `planner-${index}` }),
      verifier: (request) => verdict(request.turn === 2 ? "stop" : "continue"),
    });
    expect(recordOf(await playRewarded({ script }))).toMatchObject({
      status: "completed",
      invalid_reason: "mixed_policy",
    });
  });

  it("mixed_policy, where two versions did", async () => {
    const { state, row } = await soundRun();
    expect(invalidReasonOf(state, [row, { ...row, policy_version: "planner-8" }], null)).toBe("mixed_policy");
    expect(invalidReasonOf(state, [row, row], null)).toBeNull();
  });

  it.each([
    ["-9999, which is vLLM's word for none", { response_logprobs: [-0.5, -9999, -0.5] }],
    ["a probability above one", { response_logprobs: [-0.5, 2e-6, -0.5] }],
    ["too few log-probs", { response_logprobs: [-0.5, -0.5] }],
    ["too many log-probs", { response_logprobs: [-0.5, -0.5, -0.5, -0.5] }],
    ["no id to its log-probs", { response_token_ids: [] }],
  ] satisfies [string, Partial<ReplyTokens>][])("bad_capture, with %s", async (_name, change) => {
    const script = oneTurn({ planner: [{ ...plan(), tokens: { ...tokens, ...change } }] });
    expect(recordOf(await playRewarded({ script }))).toMatchObject({ valid: false, invalid_reason: "bad_capture" });
  });
});

describe("a capture", () => {
  it.each([
    ["NaN", [-0.5, Number.NaN, -0.5]],
    ["minus infinity", [-0.5, Number.NEGATIVE_INFINITY, -0.5]],
    ["infinity", [Number.POSITIVE_INFINITY, -0.5, -0.5]],
    ["the bound itself", [-9000, -0.5, -0.5]],
  ])("with %s among its log-probs is not sound", async (_name, logprobs) => {
    const { row } = await soundRun();
    expect(isSoundCapture({ ...row, response_logprobs: logprobs })).toBe(false);
  });

  it("may have a log-prob a rounding error above 0, or far below it", async () => {
    const { row } = await soundRun();
    expect(isSoundCapture({ ...row, response_logprobs: [1e-6, 0, -8999] })).toBe(true);
  });

  it("must have a mask of its own length, and neither mask nor log-probs without ids", async () => {
    const { row } = await soundRun();
    expect(isSoundCapture(row)).toBe(true);
    expect(isSoundCapture({ ...row, response_mask: [1, 1] })).toBe(false);
    expect(isSoundCapture({ ...row, response_mask: null })).toBe(false);
    expect(isSoundCapture({ ...row, response_token_ids: null })).toBe(false);
    expect(isSoundCapture({ ...row, response_token_ids: null, response_logprobs: null })).toBe(false);
    expect(isSoundCapture({ ...row, response_token_ids: null, response_logprobs: null, response_mask: null })).toBe(
      true,
    );
  });
});
