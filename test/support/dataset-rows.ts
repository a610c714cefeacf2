// Rows of the three tables, records and claims for tests of the dataset's files: plain values that a test changes where
// it matters. Sizes are small unless asked for; nothing is random.

import type { ClaimedGroup, ClaimedRollout, ClaimTerms } from "../../src/training/dataset/claimed-group.ts";
import { defaultAdvantageSpec } from "../../src/training/advantage-spec.ts";
import { buildGroupRows, type GroupRows } from "../../src/training/dataset/build-rows.ts";
import type { TurnTableRow } from "../../src/training/dataset/columns.ts";
import type { RecordInput, TurnInput } from "../../src/training/dataset/record-input.ts";

export const terms: ClaimTerms = {
  advantageSpec: defaultAdvantageSpec,
  minValid: null,
  allowPartial: false,
  maxStaleness: 4,
  passAt: 1,
  policyStep: 7,
};

export function claimedGroup(changes: Partial<ClaimedGroup> = {}): ClaimedGroup {
  return {
    group_id: "grp_1",
    batch_id: "bat_1",
    task_id: "task-1",
    split: "train",
    policy_version: "planner-7",
    policy_step: 7,
    size_planned: 4,
    complete: true,
    ...changes,
  };
}

export function claimedRollout(changes: Partial<ClaimedRollout> = {}): ClaimedRollout {
  return {
    run_id: "run_1",
    rollout_index: 0,
    rollout_attempt: 1,
    record_sha256: "ab".repeat(32),
    invalid_reason: null,
    reward: 1,
    reward_kind: "exact",
    reward_source: "log",
    reward_components: '{"exact":1}',
    judge_model: null,
    ...changes,
  };
}

export function turnInput(changes: Partial<TurnInput> = {}): TurnInput {
  return {
    turn_index: 0,
    num_turns: 1,
    is_last_turn: true,
    messages: [
      { role: "system", content: "Plan." },
      { role: "user", content: "What is 6 times 7?" },
    ],
    response_text: "multiply",
    reasoning_text: null,
    prompt_token_ids: [101, 7, 102],
    response_token_ids: [5, 6, 2],
    response_logprobs: [-0.25, -1.5, 0],
    logprobs_mode: "processed",
    token_source: "engine",
    response_mask: [1, 1, 1],
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
    seed: 5,
    guided: false,
    policy_version: "planner-7",
    policy_step: 7,
    model_requested: "planner",
    model_served: "planner",
    engine: "openai-compatible",
    engine_attempts: 1,
    tool_name: "python_coder",
    tool_status: "ok",
    tool_latency_ms: 12,
    tool_calls: 1,
    verifier_conclusion: "stop",
    started_at: "2026-11-22T10:00:00.250Z",
    latency_ms: 30,
    prompt_tokens: 3,
    response_tokens: 3,
    ...changes,
  };
}

/** `turns` are numbered here. */
export function recordInput(
  rolloutId: string,
  turns: readonly Partial<TurnInput>[],
  changes: Partial<RecordInput> = {},
): RecordInput {
  return {
    schema_version: 1,
    rollout_id: rolloutId,
    session_id: "ses_1",
    query: "What is 6 times 7?",
    reference: { answers: ["42"] },
    answer: "42",
    status: "completed",
    stop_reason: "stop",
    error_code: null,
    invalid_reason: null,
    policy_version_min: "planner-7",
    policy_version_max: "planner-7",
    prompt_tokens: 3 * turns.length,
    response_tokens: 3 * turns.length,
    duration_ms: 1500,
    started_at: "2026-11-22T10:00:00.000Z",
    turns: turns.map((turn, index) =>
      turnInput({ turn_index: index, num_turns: turns.length, is_last_turn: index === turns.length - 1, ...turn }),
    ),
    ...changes,
  };
}

/** What the worked examples of DATASET are written in. */
export interface Outcome {
  readonly reward: number | null;
  readonly turns: number;
  /** Set: the rollout is invalid. */
  readonly invalid?: string;
  /** |a| of each turn; null for a server without ids. */
  readonly tokens?: number | null;
}

function turnOf(tokens: number | null): Partial<TurnInput> {
  const of = <T>(value: T) => (tokens === null ? null : Array.from({ length: tokens }, () => value));
  return {
    prompt_token_ids: tokens === null ? null : [1, 2],
    response_token_ids: of(9),
    response_logprobs: of(-0.5),
    response_mask: of(1),
    logprobs_mode: tokens === null ? "unknown" : "processed",
    token_source: tokens === null ? "none" : "engine",
  };
}

/** The group's rows, as an export builds them. Ids begin with `name`. */
export function groupRows(
  outcomes: readonly Outcome[],
  changes: {
    readonly name?: string;
    readonly terms?: Partial<ClaimTerms>;
    readonly group?: Partial<ClaimedGroup>;
  } = {},
): GroupRows {
  const { name = "1" } = changes;
  const built = buildGroupRows(
    { ...terms, ...changes.terms },
    claimedGroup({ group_id: `grp_${name}`, size_planned: outcomes.length, ...changes.group }),
    outcomes.map(({ reward, turns, invalid, tokens = 10 }, index) => {
      const runId = `run_${name}_${index}`;
      return {
        rollout: claimedRollout({ run_id: runId, rollout_index: index, reward, invalid_reason: invalid ?? null }),
        record: recordInput(
          runId,
          Array.from({ length: turns }, () => turnOf(tokens)),
          { invalid_reason: invalid ?? null },
        ),
      };
    }),
  );
  if (!built.ok) {
    throw new Error(`no rows: ${built.error}`);
  }
  return built.value;
}

export function turnRow(changes: Partial<TurnTableRow> = {}): TurnTableRow {
  const [row] = groupRows([
    { reward: 1, turns: 1 },
    { reward: 0, turns: 1 },
  ]).rollouts.flatMap(({ turns }) => turns);
  if (row === undefined) {
    throw new Error("a rollout of one turn has a row");
  }
  return { ...row, ...changes };
}
