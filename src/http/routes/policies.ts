// Planner versions: registered by a trainer, activated by an operator, listed with the datasets that they came from
// and went into. A version's weights and its secret never come back out.

import * as z from "zod";
import type { Policy } from "../../policies/registry.ts";
import { PolicyRegistration, PolicyVersion } from "../../policies/registration.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { notFound } from "../call-session.ts";
import { type App, mount } from "../mount.ts";
import { HttpError, invalidField } from "../problem.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { pageOf, wholeNumber } from "../wire.ts";

const PolicyReply = z.strictObject({
  version: z.string(),
  policy_step: z.int().describe("Rises with each registered version; 0 is the configured planner."),
  engine: z
    .enum(["configured", "openai-compatible", "offline"])
    .describe("`configured`: by the deployment's variables."),
  active: z.boolean().describe("New runs that name no policy get this one."),
  model: z.string(),
  base_url: z.string().nullable(),
  secret: z.string().nullable().describe("The name of the secret, never its value."),
  logprobs_mode: z.string().nullable(),
  datasets: z.array(z.string()).describe("What it was trained on."),
  created_at: z.string().nullable(),
});
type PolicyReply = z.infer<typeof PolicyReply>;

const PolicyWithLineage = PolicyReply.extend({
  made_datasets: z.array(z.string()).describe("Datasets that hold its rollouts, newest first, a hundred at most."),
});

const ListPoliciesQuery = z.strictObject({
  limit: wholeNumber(1, 100).default(20),
  cursor: z
    .string()
    .regex(/^\d{1,15}$/, "Use `next_cursor` of the page before.")
    .optional()
    .describe("`next_cursor` of the page before."),
});

const common = {
  tag: "Policies",
  path: "/v1/policies/{version}",
  access: "admin",
  // Any text: the configured planner may be called after its model. A registration's name is checked by itself.
  params: z.strictObject({ version: z.string().describe("The version's name.") }),
  query: noQuery,
  body: noBody,
} as const;

export const registerPolicyRoute = defineRoute({
  ...common,
  id: "registerPolicy",
  method: "put",
  summary: "Register a planner version",
  description:
    "A model behind an OpenAI-compatible server, or weights of the offline planner. The same body again is 200, " +
    "another body for the same version 409: a version never changes. Registering activates nothing.",
  params: z.strictObject({ version: PolicyVersion.describe("The version's name.") }),
  body: PolicyRegistration,
  replies: {
    200: json("It was registered before with this body.", PolicyReply),
    201: json("It is registered.", PolicyReply),
  },
  problems: ["policy_conflict"],
});

export const listPoliciesRoute = defineRoute({
  ...common,
  id: "listPolicies",
  method: "get",
  path: "/v1/policies",
  summary: "List planner versions, newest first",
  params: noParams,
  query: ListPoliciesQuery,
  replies: { 200: json("A page; the configured planner ends the last.", pageOf(PolicyReply)) },
});

export const getPolicyRoute = defineRoute({
  ...common,
  id: "getPolicy",
  method: "get",
  summary: "A planner version and its lineage",
  replies: { 200: json("The version.", PolicyWithLineage) },
});

export const activatePolicyRoute = defineRoute({
  ...common,
  id: "activatePolicy",
  method: "post",
  path: "/v1/policies/{version}/activate",
  summary: "Activate a planner version",
  description:
    "New runs and batches that name no policy are pinned to it from now on, everywhere within half a minute. Those " +
    "that run keep theirs. The configured planner's own name goes back to it.",
  replies: { 200: json("The version, active.", PolicyReply) },
});

function toReply(policy: Policy): PolicyReply {
  const active = policy.isActive;
  if (policy.kind === "configured") {
    const { version, model } = policy.configured;
    const nothing = { base_url: null, secret: null, logprobs_mode: null, datasets: [], created_at: null };
    return { version, policy_step: 0, engine: "configured", active, model, ...nothing };
  }
  const { version, policy_step, endpoint, datasets, created_at } = policy.registered;
  const shared = { version, policy_step, active, datasets, created_at };
  if (endpoint.kind === "offline") {
    const model = `offline-planner/${version}`;
    return { ...shared, engine: "offline", model, base_url: null, secret: null, logprobs_mode: null };
  }
  const { kind: _kind, ...served } = endpoint;
  return { ...shared, engine: "openai-compatible", ...served };
}

function found(policy: Policy | null): Policy {
  if (policy === null) {
    throw notFound("policy");
  }
  return policy;
}

export function mountPolicies(app: App, services: Services): void {
  const { policies } = services;

  mount(app, services, registerPolicyRoute, async ({ principal, params, body }) => {
    const registered = await policies.register(principal.tenant, params.version, body);
    if (registered.ok) {
      const { policy, isNew } = registered.value;
      return Response.json(toReply(policy), { status: isNew ? 201 : 200 });
    }
    const { error } = registered;
    switch (error.kind) {
      case "conflict":
        throw new HttpError("policy_conflict", error.detail, { headers: { "x-should-retry": "false" } });
      case "invalid":
        throw invalidField("invalid_request", error.field, error.code, error.detail);
      default:
        return unreachable(error);
    }
  });

  mount(app, services, listPoliciesRoute, async ({ principal, query }) => {
    const before = query.cursor === undefined ? null : Number(query.cursor);
    const page = await policies.list(principal.tenant, { before, limit: query.limit });
    const next_cursor = page.next === null ? null : String(page.next);
    return Response.json({ data: page.policies.map(toReply), has_more: page.next !== null, next_cursor });
  });

  mount(app, services, getPolicyRoute, async ({ principal, params }) => {
    const policy = found(await policies.get(principal.tenant, params.version));
    const made_datasets = await policies.datasetsMadeWith(principal.tenant, params.version);
    return Response.json({ ...toReply(policy), made_datasets });
  });

  mount(app, services, activatePolicyRoute, async ({ principal, params }) =>
    Response.json(toReply(found(await policies.activate(principal.tenant, params.version)))),
  );
}
