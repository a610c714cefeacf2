// One planner turn for supervised tuning: the prompt with the reply at its end. It needs no token ids, so it is there
// for servers that give none.

import * as z from "zod";
import { ChatMessage } from "../../engines/engine.ts";
import type { LeftOutReason } from "./rl-row.ts";

export const SftCandidate = z.object({
  rollout_id: z.string(),
  turn_index: z.int(),
  valid: z.boolean(),
  reward: z.number().nullable(),
  messages: z.array(ChatMessage),
  response_text: z.string(),
});
export type SftCandidate = z.infer<typeof SftCandidate>;

export const SftRow = z.strictObject({
  messages: z.array(ChatMessage),
  rollout_id: z.string(),
  turn_index: z.int(),
  reward: z.number().nullable(),
});
export type SftRow = z.infer<typeof SftRow>;

type Outcome = Pick<SftCandidate, "valid" | "reward">;

/** Null for a row that is taken. */
export function reasonAgainstTuning({ valid, reward }: Outcome, minReward: number): LeftOutReason | null {
  if (!valid) {
    return "invalid_rollout";
  }
  return reward === null || reward < minReward ? "low_reward" : null;
}

export function toSftRow(row: SftCandidate): SftRow {
  return {
    messages: [...row.messages, { role: "assistant", content: row.response_text }],
    rollout_id: row.rollout_id,
    turn_index: row.turn_index,
    reward: row.reward,
  };
}
