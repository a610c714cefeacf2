// A rollout record as the dataset reads it. Records of older and newer versions pass as long as they have what the rows
// need; one that has not, or whose numbers fit no column, is a fault of the record and not of the export.

import * as z from "zod";
import { ChatMessage } from "../../engines/engine.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { isInt32, TurnTableRow } from "./columns.ts";

const int32 = z.int32();
/** Any length and any numbers: whether the lists belong together is asked of the rollout, not of the file. */
const numbers = z.custom<number[]>(
  (value) => Array.isArray(value) && value.every((item) => typeof item === "number"),
  "not a list of numbers",
);
const ids = z.custom<number[]>((value) => Array.isArray(value) && value.every(isInt32), "not a list of token ids");
const columns = TurnTableRow.shape;

export const TurnInput = z.object({
  turn_index: int32,
  num_turns: int32,
  is_last_turn: z.boolean(),
  messages: z.array(ChatMessage),
  response_text: z.string(),
  reasoning_text: z.string().nullable(),
  prompt_token_ids: ids.nullable(),
  response_token_ids: ids.nullable(),
  response_logprobs: numbers.nullable(),
  logprobs_mode: columns.logprobs_mode,
  token_source: columns.token_source,
  response_mask: columns.response_mask,
  finish_reason: z.string().nullable(),
  truncated: z.boolean(),
  temperature: columns.temperature,
  top_p: columns.top_p,
  top_k: columns.top_k,
  min_p: columns.min_p,
  frequency_penalty: columns.frequency_penalty,
  presence_penalty: columns.presence_penalty,
  repetition_penalty: columns.repetition_penalty,
  stop: columns.stop,
  max_tokens: columns.max_tokens,
  seed: columns.seed,
  guided: z.boolean(),
  policy_version: z.string(),
  policy_step: z.int(),
  model_requested: z.string(),
  model_served: z.string(),
  engine: z.string(),
  engine_attempts: int32,
  tool_name: z.string().nullable(),
  tool_status: columns.tool_status,
  tool_latency_ms: int32.nullable(),
  tool_calls: int32.nullable(),
  verifier_conclusion: columns.verifier_conclusion,
  started_at: z.iso.datetime({ offset: true }),
  latency_ms: int32,
  prompt_tokens: int32,
  response_tokens: int32,
});
export type TurnInput = z.infer<typeof TurnInput>;

export const RecordInput = z.object({
  schema_version: z.literal(1),
  rollout_id: z.string(),
  session_id: z.string(),
  query: z.string(),
  reference: z.unknown(),
  answer: z.string().nullable(),
  status: z.enum(["completed", "incomplete", "failed", "cancelled"]),
  stop_reason: z.string().nullable(),
  error_code: z.string().nullable(),
  invalid_reason: z.string().nullable(),
  policy_version_min: z.string(),
  policy_version_max: z.string(),
  prompt_tokens: z.int(),
  response_tokens: z.int(),
  duration_ms: z.int().nullable(),
  started_at: z.iso.datetime({ offset: true }),
  turns: z.array(TurnInput),
});
export type RecordInput = z.infer<typeof RecordInput>;

/** The error is a sentence that names the first member that is wrong. */
export function readRecord(text: string): Result<RecordInput, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return err("the record is not JSON");
  }
  const parsed = RecordInput.safeParse(value);
  if (parsed.success) {
    return ok(parsed.data);
  }
  const [issue] = parsed.error.issues;
  return err(`the record's ${issue?.path.join(".") ?? "content"}: ${issue?.message ?? "not readable"}`);
}
