// From a validated request to what the session's object is asked to start: defaults filled in, names resolved,
// the idempotency key turned into the id of the session that any retry will reach.

import type { StartRun } from "../../durable-objects/session-api.ts";
import { rewardSpecOf } from "../agent/reward-run.ts";
import { defaultLimits, type Reference } from "../agent/run-spec.ts";
import { canonicalJson } from "../lib/canonical-json.ts";
import { hashedSessionId, isSessionId, newSessionId } from "../lib/ids.ts";
import { sha256, sha256Hex } from "../lib/sha256.ts";
import { scoreAnswer } from "../rewards/score.ts";
import { notFound } from "./call-session.ts";
import { HttpError, invalidField } from "./problem.ts";
import type { Services } from "./services.ts";
import { resolveTools } from "./tool-catalogue.ts";
import type { SolveRequest } from "./wire.ts";

/** The header's value; null when absent. 400 unless it is 1 to 255 printable ASCII characters. */
export function readIdempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key !== null && !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new HttpError("invalid_idempotency_key", "Send 1 to 255 printable ASCII characters.");
  }
  return key;
}

function toSpec(services: Services, body: SolveRequest): StartRun["spec"] {
  if (body.policy !== undefined && body.policy !== services.policy.version) {
    const detail = `There is no such policy; ${services.policy.version} serves now.`;
    throw invalidField("unknown_policy", "policy", "unknown_policy", detail);
  }
  return {
    query: body.query,
    outputs: body.outputs,
    limits: {
      max_turns: body.limits.max_turns ?? defaultLimits.max_turns,
      max_seconds: body.limits.max_seconds ?? defaultLimits.max_seconds,
      max_tokens: body.limits.max_tokens ?? defaultLimits.max_tokens,
    },
    tools: resolveTools(body.tools, services.tools),
    policy: services.policy,
    sampling: { ...body.sampling, temperature: body.sampling.temperature ?? 0 },
    planner_structure: "guided",
    metadata: body.metadata,
  };
}

/** How a reply is delivered is not part of what was asked: a retry may stream what the first try waited for. */
function bodyHash(body: SolveRequest): Promise<string> {
  const { stream: _stream, background: _background, ...asked } = body;
  return sha256Hex(canonicalJson(asked));
}

async function sessionIdOf(services: Services, tenant: string, body: SolveRequest, key: string | null) {
  if (body.session_id !== undefined) {
    if (!isSessionId(body.session_id)) {
      throw notFound("session");
    }
    return body.session_id;
  }
  return key === null ? newSessionId(services.ids) : hashedSessionId(await sha256(`${tenant}\n${key}`));
}

/** A reference that could score no answer at all is refused now, not found out at the end of the run. */
function checkReference({ reference, query }: SolveRequest): Reference | null {
  const spec = reference === undefined ? null : rewardSpecOf(reference);
  const scored = spec === null ? null : scoreAnswer(spec, { answer: "", answers: reference?.answers ?? [], query });
  if (scored !== null && !scored.ok) {
    const field = scored.error.code === "bad_spec" ? "reference.reward" : "reference.answers";
    throw invalidField("invalid_request", field, scored.error.code, scored.error.detail);
  }
  return reference ?? null;
}

export async function toStartRun(
  services: Services,
  tenant: string,
  body: SolveRequest,
  key: string | null,
): Promise<StartRun> {
  const spec = toSpec(services, body);
  return {
    tenant,
    sessionId: await sessionIdOf(services, tenant, body, key),
    session: body.session_id === undefined ? "new" : "existing",
    spec,
    reference: checkReference(body),
    idempotency:
      key === null ? null : { keyHash: await sha256Hex(`${tenant}\n${key}`), bodyHash: await bodyHash(body) },
  };
}
