// From a validated request to what the session's object is asked to start: defaults filled in, names resolved,
// the idempotency key turned into the id of the session that any retry will reach.

import type { StartRun } from "../../durable-objects/session-api.ts";
import { defaultLimits, type PolicyRef, type Reference } from "../agent/run-spec.ts";
import { canonicalJson } from "../lib/canonical-json.ts";
import { hashedSessionId, isSessionId, newSessionId } from "../lib/ids.ts";
import { sha256, sha256Hex } from "../lib/sha256.ts";
import { notFound } from "./call-session.ts";
import { checkReference } from "./check-reference.ts";
import { HttpError, invalidField } from "./problem.ts";
import type { Services } from "./services.ts";
import { chooseTools } from "./tool-catalogue.ts";
import type { SolveRequest } from "./wire.ts";

/** The header's value; null when absent. 400 unless it is 1 to 255 printable ASCII characters. */
export function readIdempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key !== null && !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new HttpError("invalid_idempotency_key", "Send 1 to 255 printable ASCII characters.");
  }
  return key;
}

/** The version that a new run or batch is pinned to. 422 for a name that the tenant has not registered. */
export async function resolvePolicy(services: Services, tenant: string, version?: string): Promise<PolicyRef> {
  const policy = await services.policies.resolve(tenant, version);
  if (policy === null) {
    const detail = "There is no such policy; `GET /v1/policies` lists yours.";
    throw invalidField("unknown_policy", "policy", "unknown_policy", detail);
  }
  return policy;
}

async function toSpec(services: Services, tenant: string, body: SolveRequest): Promise<StartRun["spec"]> {
  const policy = await resolvePolicy(services, tenant, body.policy);
  return {
    query: body.query,
    outputs: body.outputs,
    limits: {
      max_turns: body.limits.max_turns ?? defaultLimits.max_turns,
      max_seconds: body.limits.max_seconds ?? defaultLimits.max_seconds,
      max_tokens: body.limits.max_tokens ?? defaultLimits.max_tokens,
    },
    tools: await chooseTools(services, { tenant, policy }, body.tools),
    policy,
    sampling: { ...body.sampling, temperature: body.sampling.temperature ?? 0 },
    planner_structure: "guided",
    metadata: body.metadata,
    ...(body.tool_results === undefined ? {} : { tool_results: body.tool_results }),
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

function toReference(services: Services, { reference, query }: SolveRequest): Reference | null {
  const fault = reference === undefined ? null : checkReference(services, reference, query);
  if (fault !== null) {
    throw invalidField("invalid_request", `reference.${fault.member}`, fault.code, fault.detail);
  }
  return reference ?? null;
}

export async function toStartRun(
  services: Services,
  tenant: string,
  body: SolveRequest,
  key: string | null,
): Promise<StartRun> {
  const spec = await toSpec(services, tenant, body);
  return {
    tenant,
    sessionId: await sessionIdOf(services, tenant, body, key),
    session: body.session_id === undefined ? "new" : "existing",
    spec,
    reference: toReference(services, body),
    idempotency:
      key === null ? null : { keyHash: await sha256Hex(`${tenant}\n${key}`), bodyHash: await bodyHash(body) },
  };
}
