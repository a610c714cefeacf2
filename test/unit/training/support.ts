// Logs for the record's tests: runs that were really played, with tokens where a test says so. No assertions.

import type { ReplyTokens } from "../../../src/engines/engine.ts";
import { type RolloutRecord, toRolloutRecord } from "../../../src/training/rollout-record.ts";
import type { NewEvent } from "../../../src/agent/events.ts";
import { type Play, type Played, playOn } from "../agent/support.ts";

export const tokens: ReplyTokens = {
  prompt_token_ids: [101, 7, 7, 102],
  response_token_ids: [5, 6, 2],
  response_logprobs: [-0.25, -1.5, 0],
  logprobs_mode: "processed",
};

const reward: NewEvent = { type: "reward.recorded", turn: null, value: 1, kind: "exact", components: { exact: 1 } };

/** Plays a run and records a reward once the generator has been asked, as the service does before the end. */
export async function playRewarded(options: Play): Promise<Played> {
  let rewarded = false;
  return playOn({
    ...options,
    onCommit: (events, { log }) => {
      if (!rewarded && events.some((event) => event.type === "turn.completed")) {
        rewarded = true;
        log.append([reward], log.activeMs());
      }
    },
  });
}

export function recordOf({ log }: Pick<Played, "log">): RolloutRecord {
  const record = toRolloutRecord(log.entries());
  if (record === null) {
    throw new Error("a played run has a record");
  }
  return record;
}
