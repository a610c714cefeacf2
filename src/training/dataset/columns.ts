// The three tables of a dataset (DATASET.md): each row has one schema here, and the columns of its Parquet file are
// read off that schema, so that the two cannot differ. A row is plain JSON: times are RFC 3339 with milliseconds, and
// columns that hold JSON hold its text.

import * as z from "zod";
import { ToolStatus } from "../../agent/events.ts";
import { Conclusion } from "../../engines/module-replies.ts";
import { ChatMessage } from "../../engines/engine.ts";

export const SCHEMA_VERSION = 1;
/** The version changes whenever the same claim would give other bytes. */
export const exporter = { name: "agentflow-edge", version: "1.0.0" } as const;

export const Table = z.enum(["turns", "rollouts", "groups"]);
export type Table = z.infer<typeof Table>;

/** What a column holds; `columnsOf` says which Parquet type that is. */
export type ColumnType =
  | "string"
  | "int32"
  | "int64"
  | "float64"
  | "bool"
  | "timestamp"
  | "list<int8>"
  | "list<int32>"
  | "list<float32>"
  | "list<string>"
  | "messages";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
}

const columnType = z.registry<{ type: ColumnType }>();
function typed<T extends z.ZodType>(type: ColumnType, schema: T): T {
  columnType.add(schema, { type });
  return schema;
}

const text = typed("string", z.string());
/** JSON as text: readers of Parquet disagree about the logical type JSON. */
const json = typed("string", z.string());
const int32 = typed("int32", z.int32());
const int64 = typed("int64", z.int());
const float64 = typed("float64", z.number());
const bool = typed("bool", z.boolean());
const time = typed("timestamp", z.iso.datetime({ precision: 3 }));

// Zod would make a schema's run of each of the thousands of numbers in a row; one loop reads them as well.
function list(type: ColumnType, isItem: (value: unknown) => boolean) {
  const isList = (value: unknown) => Array.isArray(value) && value.every(isItem);
  return typed(type, z.custom<number[]>(isList, "not a list of numbers of the column's type"));
}
const ids = list("list<int32>", isInt32);

export function isInt32(value: unknown): boolean {
  return typeof value === "number" && (value | 0) === value;
}

export const InvalidReasonInDataset = typed(
  "string",
  z.enum([
    "engine_failed",
    "platform_lost",
    "cancelled",
    "no_turns",
    "no_reward",
    "judge_failed",
    "mixed_policy",
    "bad_capture",
  ]),
);
export type InvalidReasonInDataset = z.infer<typeof InvalidReasonInDataset>;

/** Why a group has no advantages. */
export const NoAdvantages = typed("string", z.enum(["partial", "too_few_valid", "stale"]));
export type NoAdvantages = z.infer<typeof NoAdvantages>;

export const LogprobsMode = typed("string", z.enum(["processed", "raw", "unknown"]));
export const TokenSource = typed("string", z.enum(["engine", "none"]));

/** One planner turn. */
export const TurnTableRow = z.strictObject({
  group_id: text,
  task_id: text,
  rollout_id: text,
  rollout_index: int32,
  rollout_attempt: int32,
  turn_index: int32,
  num_turns: int32,
  is_last_turn: bool,
  valid: bool,
  messages: typed("messages", z.array(ChatMessage)),
  response_text: text,
  reasoning_text: text.nullable(),
  prompt_token_ids: ids.nullable(),
  response_token_ids: ids.nullable(),
  response_logprobs: list("list<float32>", (value) => typeof value === "number").nullable(),
  logprobs_mode: LogprobsMode,
  token_source: TokenSource,
  response_mask: list("list<int8>", (value) => value === 0 || value === 1).nullable(),
  finish_reason: text.nullable(),
  truncated: bool,
  temperature: float64.nullable(),
  top_p: float64.nullable(),
  top_k: int32.nullable(),
  min_p: float64.nullable(),
  frequency_penalty: float64.nullable(),
  presence_penalty: float64.nullable(),
  repetition_penalty: float64.nullable(),
  stop: typed("list<string>", z.array(z.string())).nullable(),
  max_tokens: int32.nullable(),
  seed: int64.nullable(),
  guided: bool,
  policy_version: text,
  policy_step: int64,
  model_requested: text,
  model_served: text,
  engine: text,
  engine_attempts: int32,
  tool_name: text.nullable(),
  tool_status: typed("string", ToolStatus.clone()).nullable(),
  tool_latency_ms: int32.nullable(),
  tool_calls: int32.nullable(),
  verifier_conclusion: typed("string", Conclusion.clone()).nullable(),
  reward: float64.nullable(),
  advantage: float64.nullable(),
  loss_weight: float64.nullable(),
  started_at: time,
  latency_ms: int32,
  prompt_tokens: int32,
  response_tokens: int32,
});
export type TurnTableRow = z.infer<typeof TurnTableRow>;

/** One rollout. What only its record tells is null for a rollout that left none. */
export const RolloutTableRow = z.strictObject({
  rollout_id: text,
  group_id: text,
  task_id: text,
  rollout_index: int32,
  rollout_attempt: int32,
  session_id: text.nullable(),
  split: text,
  query: text.nullable(),
  reference: json.nullable(),
  answer: text.nullable(),
  status: typed("string", z.enum(["completed", "incomplete", "failed", "cancelled"])),
  stop_reason: text.nullable(),
  error_code: text.nullable(),
  reward: float64.nullable(),
  reward_kind: text.nullable(),
  reward_components: json.nullable(),
  reward_source: text.nullable(),
  judge_model: text.nullable(),
  advantage: float64.nullable(),
  valid: bool,
  invalid_reason: InvalidReasonInDataset.nullable(),
  policy_version_min: text.nullable(),
  policy_version_max: text.nullable(),
  num_turns: int32,
  prompt_tokens: int64,
  response_tokens: int64,
  duration_ms: int64.nullable(),
  started_at: time.nullable(),
  record_sha256: text.nullable(),
});
export type RolloutTableRow = z.infer<typeof RolloutTableRow>;

/** One group. The statistics are of its valid rollouts, and null where there is none. */
export const GroupTableRow = z.strictObject({
  group_id: text,
  task_id: text,
  batch_id: text,
  size_planned: int32,
  size_completed: int32,
  size_valid: int32,
  reward_mean: float64.nullable(),
  reward_std_n: float64.nullable(),
  reward_std_n1: float64.nullable(),
  baseline_mean: float64.nullable(),
  baseline_std: float64.nullable(),
  baseline_count: int32.nullable(),
  zero_variance: bool,
  pass_rate: float64.nullable(),
  policy_version: text,
  policy_step: int64,
  complete: bool,
  advantages: bool,
  reason: NoAdvantages.nullable(),
});
export type GroupTableRow = z.infer<typeof GroupTableRow>;

export interface RowOf {
  readonly turns: TurnTableRow;
  readonly rollouts: RolloutTableRow;
  readonly groups: GroupTableRow;
}

const columns: Readonly<Record<Table, readonly Column[]>> = {
  turns: readColumns(TurnTableRow.shape),
  rollouts: readColumns(RolloutTableRow.shape),
  groups: readColumns(GroupTableRow.shape),
};

/** In the order of the contract, which is that of the file. */
export function columnsOf(table: Table): readonly Column[] {
  return columns[table];
}

function readColumns(shape: Readonly<Record<string, z.ZodType>>): readonly Column[] {
  return Object.entries(shape).map(([name, schema]) => {
    const inner = schema instanceof z.ZodNullable ? schema.unwrap() : schema;
    const known = inner instanceof z.ZodType ? columnType.get(inner) : undefined;
    if (known === undefined) {
      throw new Error(`the column ${name} has no type`);
    }
    return { name, type: known.type, nullable: schema instanceof z.ZodNullable };
  });
}
