// A rollout record as a reply: what the session projects from its log, with the late rewards beside it. One that is
// too large to pass through memory is streamed from where it is stored, byte for byte.

import type { LateReward } from "../agent/run-object.ts";
import { type Asker, lateRewardsOf } from "./late-rewards.ts";
import { HttpError } from "./problem.ts";

/** `record`: as the session's object gives it; `turns: null` says that it was too large. */
export async function recordReply(asker: Asker, runId: string, record: Record<string, unknown>): Promise<Response> {
  const rewards = await lateRewardsOf(asker, runId);
  if (record["turns"] !== null) {
    return Response.json(rewards === null ? record : { ...record, rewards });
  }
  const stored = await asker.services.records.open(asker.tenant, runId);
  if (stored === null) {
    throw new HttpError("records_unavailable", "The record is being stored. Try again.");
  }
  const body = rewards === null ? stored : stored.pipeThrough(withRewards(rewards));
  return new Response(body, { headers: { "content-type": "application/json" } });
}

/** Puts the rewards where the stored object begins. */
function withRewards(rewards: readonly LateReward[]): TransformStream<Uint8Array, Uint8Array> {
  let isFirst = true;
  return new TransformStream({
    transform(chunk, controller) {
      if (isFirst && chunk.length > 0) {
        isFirst = false;
        controller.enqueue(new TextEncoder().encode(`{"rewards":${JSON.stringify(rewards)},`));
        controller.enqueue(chunk.subarray(1));
      } else {
        controller.enqueue(chunk);
      }
    },
  });
}
