// Rollout records of realistic size for the export's bench: ten turns, 2,000 prompt tokens and 400 response tokens each,
// texts of words. A function of the numbers it is given, so that every side measures the same records.

import { hashedId, hashedSessionId, runIdOf } from "../../../src/lib/ids.ts";
import { createRandom, type Random } from "../../../src/lib/random.ts";
import { sha256 } from "../../../src/lib/sha256.ts";
import type { RolloutRecord } from "../../../src/training/rollout-record.ts";
import type { TurnRow } from "../../../src/training/turn-row.ts";

export const turnsPerRollout = 10;
export const rolloutsPerGroup = 10;
export const tenant = "bench";
export const at = "2026-11-22T10:00:00.000Z";

const promptTokens = 2000;
const responseTokens = 400;
/** Of the common vocabularies; about four letters a token, as English has. */
const vocabulary = 151_936;
const words = Array.from({ length: 4096 }, (_, index) => (index * 7919 + 46_656).toString(36));

export interface SampleRollout {
  readonly groupId: string;
  readonly sessionId: string;
  readonly runId: string;
  readonly index: number;
  readonly reward: number;
}

export async function groupIdOf(group: number): Promise<string> {
  return hashedId("grp", await sha256(`bench/${group}`));
}

export async function sampleRollout(group: number, index: number): Promise<SampleRollout> {
  const groupId = await groupIdOf(group);
  const sessionId = hashedSessionId(await sha256(`${groupId}/${index}`));
  return { groupId, sessionId, runId: runIdOf(sessionId, 1), index, reward: (group + index) % 3 === 0 ? 1 : 0 };
}

function text(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.pick(words)).join(" ");
}

function numbers(count: number, next: () => number): number[] {
  return Array.from({ length: count }, next);
}

function sampleTurn(random: Random, index: number): TurnRow {
  const token = () => random.whole(0, vocabulary - 1);
  return {
    turn_index: index,
    num_turns: turnsPerRollout,
    is_last_turn: index === turnsPerRollout - 1,
    prompt: "planner/1",
    messages: [
      { role: "system", content: text(random, 300) },
      { role: "user", content: text(random, 1200) },
    ],
    response_text: text(random, 300),
    reasoning_text: null,
    prompt_token_ids: numbers(promptTokens, token),
    response_token_ids: numbers(responseTokens, token),
    response_logprobs: numbers(responseTokens, () => Math.fround(-3 * random.next() ** 4)),
    logprobs_mode: "processed",
    token_source: "engine",
    response_mask: numbers(responseTokens, () => 1),
    finish_reason: "stop",
    truncated: false,
    temperature: 0.7,
    top_p: 1,
    top_k: -1,
    min_p: 0,
    frequency_penalty: 0,
    presence_penalty: 0,
    repetition_penalty: 1,
    stop: null,
    max_tokens: 2048,
    seed: random.whole(0, 2 ** 31),
    guided: false,
    policy_version: "planner-1",
    policy_step: 0,
    model_requested: "planner",
    model_served: "planner",
    engine: "openai-compatible",
    engine_attempts: 1,
    tool_name: "python_coder",
    tool_status: "ok",
    tool_latency_ms: 35,
    tool_calls: 1,
    verifier_conclusion: index === turnsPerRollout - 1 ? "stop" : "continue",
    started_at: at,
    latency_ms: 900,
    prompt_tokens: promptTokens,
    response_tokens: responseTokens,
  };
}

export function sampleRecord(group: number, rollout: SampleRollout): Partial<RolloutRecord> {
  const random = createRandom(group, rollout.index);
  return {
    schema_version: 1,
    rollout_id: rollout.runId,
    session_id: rollout.sessionId,
    query: text(random, 30),
    reference: { answers: ["42"] },
    answer: "42",
    outputs: { direct: "42" },
    status: "completed",
    stop_reason: "stop",
    error_code: null,
    reward: rollout.reward,
    reward_kind: "exact",
    reward_components: { exact: rollout.reward },
    valid: true,
    invalid_reason: null,
    policy_version_min: "planner-1",
    policy_version_max: "planner-1",
    policy_step: 0,
    num_turns: turnsPerRollout,
    prompt_tokens: turnsPerRollout * promptTokens,
    response_tokens: turnsPerRollout * responseTokens,
    duration_ms: 12_000,
    started_at: at,
    ended_at: at,
    turns: Array.from({ length: turnsPerRollout }, (_, index) => sampleTurn(random, index)),
  };
}
