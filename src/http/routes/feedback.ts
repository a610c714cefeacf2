// POST /v1/feedback: a reward that somebody outside gives to an ended run, inside a batch or not. The same source
// replaces its own; once an export has claimed the run's group, nothing changes any more.

import { sha256Hex } from "../../lib/sha256.ts";
import type { NewReward } from "../../store/reward-row.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { callSession, requireFound, sessionNameOf } from "../call-session.ts";
import { keyedPlace, type Places } from "../keyed-place.ts";
import { type App, mount } from "../mount.ts";
import { HttpError } from "../problem.ts";
import { defineRoute, json, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { readIdempotencyKey } from "../solve-input.ts";
import { FeedbackHeaders, FeedbackReply, FeedbackRequest } from "../wire.ts";

export const feedbackRoute = defineRoute({
  id: "giveFeedback",
  method: "post",
  path: "/v1/feedback",
  tag: "Rollouts",
  summary: "Give a run its reward",
  description:
    "A late or human reward of an ended run. The newest reward is in force, before the one in the run's log; 409 " +
    "`group_claimed` once a dataset holds the run's group, 409 `run_not_ended` before the run's end has reached the " +
    "ledger.",
  access: "rollouts",
  params: noParams,
  query: noQuery,
  headers: FeedbackHeaders,
  body: FeedbackRequest,
  replies: { 200: json("The reward as it stands.", FeedbackReply) },
  problems: ["run_not_ended", "group_claimed"],
});

async function deliveryKeyOf(services: Services, tenant: string, key: string | null): Promise<string> {
  if (key === null) {
    return `feedback/once/${await sha256Hex(services.ids.random(new Uint8Array(16)))}`;
  }
  const places: Places<Pick<NewReward, "at">> = {
    idOf: async (seed) => `feedback/key/${await sha256Hex(seed)}`,
    find: (deliveryKey) => services.rewards.delivered(deliveryKey),
    madeAt: (row) => row.at,
  };
  return (await keyedPlace(`${tenant}\n${key}`, places, services.clock.now())).id;
}

async function toReward(services: Services, tenant: string, body: FeedbackRequest, key: string | null) {
  const row: NewReward = {
    tenant,
    run_id: body.run_id,
    source: body.source,
    kind: "external",
    value: body.value,
    components: null,
    reason: body.reason ?? null,
    error_code: null,
    judge_model: null,
    prompt_version: null,
    at: new Date(services.clock.now()).toISOString(),
    delivery_key: await deliveryKeyOf(services, tenant, key),
  };
  return row;
}

function toReply(row: Pick<NewReward, "run_id" | "source" | "value" | "reason" | "at">): FeedbackReply {
  return { run_id: row.run_id, source: row.source, value: row.value ?? 0, reason: row.reason, at: row.at };
}

/** The row that an earlier request with this key left; another body with the same key is refused. */
async function repeated(services: Services, row: NewReward): Promise<FeedbackReply> {
  const earlier = await services.rewards.delivered(row.delivery_key);
  const isSame = (["run_id", "source", "value", "reason"] as const).every((name) => earlier?.[name] === row[name]);
  if (earlier === null || !isSame) {
    throw new HttpError("idempotency_key_reused", "This Idempotency-Key came before with another body.");
  }
  return toReply(earlier);
}

function notEnded(): HttpError {
  return new HttpError("run_not_ended", "The run takes feedback when it has ended and its end stands in the ledger.");
}

/** The batch counts rewards by itself; it learns of this one now, or the caller is told to say it again. */
async function tellBatch(services: Services, tenant: string, batchId: string, runId: string): Promise<void> {
  const rewards = await services.rewards.ofRun(tenant, runId);
  try {
    await services.tellReward(tenant, batchId, { runId, reward: rewards?.inForce?.value ?? null });
  } catch (cause) {
    const detail = "The reward stands, but its batch could not be told. Send it again.";
    throw new HttpError("batch_unavailable", detail, { cause });
  }
}

async function giveFeedback(services: Services, tenant: string, body: FeedbackRequest, key: string | null) {
  const name = sessionNameOf(tenant, body.run_id);
  const row = await toReward(services, tenant, body, key);
  const { outcome, place } = await services.rewards.record(row);
  switch (outcome) {
    case "recorded":
    case "repeated": {
      const reply = outcome === "repeated" ? await repeated(services, row) : toReply(row);
      if (place.batch_id !== null) {
        await tellBatch(services, tenant, place.batch_id, row.run_id);
      }
      return { reply, isReplay: outcome === "repeated" };
    }
    case "claimed":
      throw new HttpError("group_claimed", "A dataset holds this run's group; its rewards are frozen.");
    case "not_ended":
      throw notEnded();
    case "unknown": {
      // The ledger lags: the run itself knows whether there is one.
      const found = await callSession(services, name, "again", (session) => session.getRun(row.run_id));
      await requireFound(services, name, "run", found);
      throw notEnded();
    }
    default:
      return unreachable(outcome);
  }
}

export function mountFeedback(app: App, services: Services): void {
  mount(app, services, feedbackRoute, async ({ principal, body, request }) => {
    const key = readIdempotencyKey(request.headers);
    const { reply, isReplay } = await giveFeedback(services, principal.tenant, body, key);
    const headers: Record<string, string> = isReplay ? { "idempotency-replayed": "true" } : {};
    return Response.json(reply, { headers });
  });
}
