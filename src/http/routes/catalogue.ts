// What this service is and can do: tools and facts. Read from what the entry injected; nothing is looked up.

import * as z from "zod";
import { defaultLimits, type PolicyRef } from "../../agent/run-spec.ts";
import { maxBodyBytes } from "../body.ts";
import { type App, mount } from "../mount.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { toEntries, ToolCatalogueEntry, ToolSourceEntry } from "../tool-catalogue.ts";
import { maxLimits, maxQueryCharacters, pageOf, ServiceInfo } from "../wire.ts";

const common = {
  tag: "Service",
  method: "get",
  access: "key",
  params: noParams,
  query: noQuery,
  body: noBody,
} as const;

const ToolPage = pageOf(ToolCatalogueEntry).extend({ sources: z.array(ToolSourceEntry) });

export const listToolsRoute = defineRoute({
  ...common,
  id: "listTools",
  path: "/v1/tools",
  summary: "The tools that runs may use",
  description:
    "Connected servers are asked for their tools where what is known is old; one that is down is in `sources`.",
  replies: { 200: json("All of them, in one page.", ToolPage) },
});

export const infoRoute = defineRoute({
  ...common,
  id: "getInfo",
  path: "/v1/info",
  summary: "Version, engines, limits, features",
  replies: { 200: json("The facts.", ServiceInfo) },
});

/** There is always one. */
async function activePolicy(services: Services, tenant: string): Promise<PolicyRef> {
  return (await services.policies.resolve(tenant)) ?? services.policy;
}

async function describeService(services: Services, tenant: string): Promise<ServiceInfo> {
  const { facts, tools, config } = services;
  const policy = await activePolicy(services, tenant);
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
  mount(app, services, listToolsRoute, async ({ principal: { tenant } }) => {
    const planner = await services.plannerOf(tenant, await activePolicy(services, tenant));
    const catalogue = await services.toolsFor(tenant);
    const data = toEntries(catalogue, { planner, health: await services.toolHealth() });
    return Response.json({ data, has_more: false, next_cursor: null, sources: catalogue.sources });
  });
  mount(app, services, infoRoute, async ({ principal }) =>
    Response.json(await describeService(services, principal.tenant)),
  );
}
