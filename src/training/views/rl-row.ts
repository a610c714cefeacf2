// The turns that a policy gradient may be computed from, and the columns that say so (DATASET.md, Views). A row
// without log-probs is refused whatever is asked for: 0 would say that the policy was certain.

import * as z from "zod";
import { ChatMessage } from "../../engines/engine.ts";
import { LogprobsMode, TokenSource } from "../dataset/columns.ts";

/** Why a row is not in a view, by the first reason that applies. */
export const LeftOutReason = z.enum([
  "invalid_rollout",
  "no_advantage",
  "no_token_ids",
  "empty_reply",
  "no_logprobs",
  "raw_logprobs",
  "unknown_logprobs",
  "no_temperature",
  "guided",
  // Of verl's view alone.
  "group_not_whole",
  // Of the view for supervised tuning alone.
  "low_reward",
]);
export type LeftOutReason = z.infer<typeof LeftOutReason>;

/** `unchecked` keeps rows of which it is not known what their log-probs are of. */
export const Include = z.enum(["checked", "unchecked"]);
export type Include = z.infer<typeof Include>;

// The files were validated when they were made; looking at each of a million ids again would cost more than they.
const numbers = z.custom<readonly number[]>((value) => Array.isArray(value));

const conditions = {
  valid: z.boolean(),
  advantage: z.number().nullable(),
  loss_weight: z.number().nullable(),
  token_source: TokenSource,
  prompt_token_ids: numbers.nullable(),
  response_token_ids: numbers.nullable(),
  response_logprobs: numbers.nullable(),
  response_mask: numbers.nullable(),
  logprobs_mode: LogprobsMode,
  guided: z.boolean(),
  temperature: z.number().nullable(),
  top_p: z.number().nullable(),
  top_k: z.number().nullable(),
  min_p: z.number().nullable(),
  frequency_penalty: z.number().nullable(),
  presence_penalty: z.number().nullable(),
  repetition_penalty: z.number().nullable(),
};

/** What decides whether a row is taken, and what it would weigh. */
export const RlCandidate = z.object({ group_id: z.string(), rollout_index: z.int(), ...conditions });
export type RlCandidate = z.infer<typeof RlCandidate>;

/** A candidate with what the views write of it. */
export const RlCandidateRow = RlCandidate.extend({
  turn_index: z.int(),
  messages: z.array(ChatMessage),
  response_text: z.string(),
  policy_step: z.int(),
  reward: z.number().nullable(),
});

/** A row that was taken: nothing of it is missing. */
export const RlRow = RlCandidateRow.extend({
  advantage: z.number(),
  loss_weight: z.number(),
  prompt_token_ids: numbers,
  response_token_ids: numbers,
  response_logprobs: numbers,
  response_mask: numbers,
  reward: z.number(),
});
export type RlRow = z.infer<typeof RlRow>;

type Sampling = Pick<
  RlCandidate,
  "temperature" | "top_p" | "top_k" | "min_p" | "frequency_penalty" | "presence_penalty" | "repetition_penalty"
>;

/**
 * Raw log-probs are those of the distribution before temperature and processors. They are the sampling
 * distribution's only where nothing was processed; a value that was not sent may have the server's own default.
 */
function isUnprocessed(row: Sampling): boolean {
  const { temperature, top_p, top_k, min_p, frequency_penalty, presence_penalty, repetition_penalty } = row;
  const isWhole = top_p === 1 && (top_k === -1 || top_k === 0) && min_p === 0;
  return temperature === 1 && isWhole && frequency_penalty === 0 && presence_penalty === 0 && repetition_penalty === 1;
}

function uncheckedReason(row: RlCandidate): LeftOutReason | null {
  if (row.logprobs_mode === "unknown") {
    return "unknown_logprobs";
  }
  if (row.logprobs_mode === "raw" && !isUnprocessed(row)) {
    return "raw_logprobs";
  }
  if (row.temperature === null || row.temperature <= 0) {
    return "no_temperature";
  }
  return row.guided ? "guided" : null;
}

/** Null for a row that is taken. */
export function reasonToLeaveOut(row: RlCandidate, include: Include): LeftOutReason | null {
  if (!row.valid) {
    return "invalid_rollout";
  }
  if (row.advantage === null) {
    return "no_advantage";
  }
  const hasPrompt = row.prompt_token_ids !== null && row.prompt_token_ids.length > 0;
  if (row.token_source !== "engine" || !hasPrompt || row.response_token_ids === null) {
    return "no_token_ids";
  }
  if (row.response_token_ids.length === 0) {
    return "empty_reply";
  }
  if (row.response_logprobs === null || row.response_mask === null || row.loss_weight === null) {
    return "no_logprobs";
  }
  return include === "unchecked" ? null : uncheckedReason(row);
}
