// What this service is and can do: tools and facts. Read from what the entry injected; nothing is looked up.

import { defaultLimits } from "../../agent/run-spec.ts";
import { maxBodyBytes } from "../body.ts";
import { type App, mount } from "../mount.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { ToolCatalogueEntry } from "../tool-catalogue.ts";
import { maxLimits, maxQueryCharacters, pageOf, ServiceInfo } from "../wire.ts";

const common = {
  tag: "Service",
  method: "get",
  access: "key",
  params: noParams,
  query: noQuery,
  body: noBody,
} as const;

export const listToolsRoute = defineRoute({
  ...common,
  id: "listTools",
  path: "/v1/tools",
  summary: "The tools that runs may use",
  replies: { 200: json("All of them, in one page.", pageOf(ToolCatalogueEntry)) },
});

export const infoRoute = defineRoute({
  ...common,
  id: "getInfo",
  path: "/v1/info",
  summary: "Version, engines, limits, features",
  replies: { 200: json("The facts.", ServiceInfo) },
});

async function describeService(services: Services, tenant: string): Promise<ServiceInfo> {
  const { facts, tools, config } = services;
  // The active one is always there.
  const policy = (await services.policies.resolve(tenant)) ?? services.policy;
  return {
    name: "agentflow-edge",
    version: facts.version,
    policy_version: policy.version,
    engines: { ...facts.engines },
    limits: {
      defaults: defaultLimits,
      maximum: maxLimits,
      max_query_characters: maxQueryCharacters,
      max_body_bytes: maxBodyBytes,
    },
    tools: tools.map((tool) => tool.name),
    features: [...facts.features],
    anonymous: config.allowAnonymous,
  };
}

export function mountCatalogue(app: App, services: Services): void {
  mount(app, services, listToolsRoute, async () =>
    Response.json({ data: services.tools, has_more: false, next_cursor: null }),
  );
  mount(app, services, infoRoute, async ({ principal }) =>
    Response.json(await describeService(services, principal.tenant)),
  );
}
