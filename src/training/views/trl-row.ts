// One planner turn as the sample that TRL's AsyncGRPO trainer takes, which accepts a precomputed advantage. Groups
// are numbered as they come, for the trainer wants a whole number.

import * as z from "zod";
import { ChatMessage } from "../../engines/engine.ts";
import { type Fold, foldAdvantage } from "./fold.ts";
import type { RlRow } from "./rl-row.ts";
import type { Survey } from "./survey.ts";

const Messages = z.array(ChatMessage);

export const TrlRow = z.strictObject({
  prompt: Messages,
  completion: Messages,
  input_ids: z.array(z.int()),
  /** As long as `input_ids`: 0 on the prompt. */
  completion_mask: z.array(z.int()),
  /** As long as `input_ids`: 0 on the prompt, where it is masked. */
  old_log_probs: z.array(z.number()),
  advantage: z.number(),
  model_version: z.int(),
  group_id: z.int(),
  metrics: z.record(z.string(), z.number()),
});
export type TrlRow = z.infer<typeof TrlRow>;

/** Numbers each group once, in the order of the rows. */
export function createTrlRows(survey: Survey, fold: Fold | null): (row: RlRow) => TrlRow {
  let last: { readonly name: string; readonly number: number } | null = null;
  return (row) => {
    if (last === null || last.name !== row.group_id) {
      last = { name: row.group_id, number: last === null ? 0 : last.number + 1 };
    }
    const prompt = row.prompt_token_ids.map(() => 0);
    return {
      prompt: row.messages,
      completion: [{ role: "assistant", content: row.response_text }],
      input_ids: [...row.prompt_token_ids, ...row.response_token_ids],
      completion_mask: [...prompt, ...row.response_mask],
      old_log_probs: [...prompt, ...row.response_logprobs],
      advantage: fold === null ? row.advantage : foldAdvantage(row, survey),
      model_version: row.policy_step,
      group_id: last.number,
      metrics: { reward: row.reward },
    };
  };
}
