// A tool as the catalogue shows it, and names as callers write them.

import * as z from "zod";
import { parametersOf } from "../agent/prompts/tool-card.ts";
import type { PolicyRef } from "../agent/run-spec.ts";
import type { PlannerKind } from "../policies/planner-kind.ts";
import type { SourceState, TenantTools } from "../tools/remote/tool-provider.ts";
import type { Tool } from "../tools/tool.ts";
import { ToolHealth } from "../tools/web-service/watch-tool.ts";
import { findTool } from "../tools/tool-name.ts";
import { invalidField } from "./problem.ts";
import type { Services } from "./services.ts";

/** As every planner finds it. */
const CatalogueTool = z.strictObject({
  name: z.string(),
  description: z.string(),
  limitations: z.array(z.string()),
  best_practices: z.array(z.string()),
  /** JSON Schema of the arguments. */
  parameters: z.record(z.string(), z.unknown()),
  timeout_seconds: z.number(),
  /** A language model stands behind the results. */
  llm_backed: z.boolean(),
  repeat: z.enum(["safe", "keyed", "never"]),
  /** Whether this deployment has what the tool needs; a tool that lacks something is never offered to a run. */
  availability: z.discriminatedUnion("state", [
    z.strictObject({ state: z.literal("ready") }),
    z.strictObject({ state: z.literal("needs"), needs: z.array(z.string()) }),
  ]),
});
export type CatalogueTool = z.infer<typeof CatalogueTool>;

export const ToolCatalogueEntry = CatalogueTool.extend({
  health: ToolHealth.nullable().describe(
    "How the service or server behind it answered last; null where there is none, or nothing is known yet.",
  ),
  by_default: z.boolean().describe("A run that names neither tools nor policy gets it, with the active planner."),
});
export type ToolCatalogueEntry = z.infer<typeof ToolCatalogueEntry>;

/** A connected server: an MCP server or an HTTP API with an OpenAPI document. */
export const ToolSourceEntry = z.strictObject({
  name: z.string(),
  kind: z.enum(["mcp", "openapi"]),
  /** `needs`: its configuration lacks what `detail` says. `unavailable`: it did not answer as it should. */
  state: z.enum(["ready", "needs", "unavailable"]),
  /** What the server calls itself. */
  version: z.string().nullable(),
  detail: z.string().nullable(),
  tools: z.array(z.string()),
  /** What it has and is not offered, with the reason. */
  skipped: z.array(z.strictObject({ name: z.string(), reason: z.string() })),
  /** When it was last asked. */
  checked_at: z.string(),
});
export type ToolSourceEntry = z.infer<typeof ToolSourceEntry>;

export interface ToolCatalogue {
  readonly tools: readonly CatalogueTool[];
  readonly sources: readonly ToolSourceEntry[];
}

export function toCatalogue({ tools, sources }: TenantTools): ToolCatalogue {
  return { tools: tools.map(toCatalogueTool), sources: sources.map(toSourceEntry) };
}

function toSourceEntry({ checkedAt, tools, skipped, ...source }: SourceState): ToolSourceEntry {
  return { ...source, tools: [...tools], skipped: [...skipped], checked_at: new Date(checkedAt).toISOString() };
}

/** What the offline planner's vocabulary knows (docs/offline-engine.md); others it would never choose. */
const offlineTools = ["base_generator", "python_coder"];

export function toCatalogueTool(tool: Tool): CatalogueTool {
  const availability = tool.availability ?? { state: "ready" };
  return {
    name: tool.name,
    description: tool.description,
    limitations: [...tool.limitations],
    best_practices: [...tool.bestPractices],
    parameters: parametersOf(tool),
    timeout_seconds: tool.timeoutMs / 1000,
    llm_backed: tool.llmBacked,
    repeat: tool.repeat,
    availability:
      availability.state === "ready" ? { state: "ready" } : { state: "needs", needs: [...availability.needs] },
  };
}

/** As `GET /v1/tools` shows them. `health`: of the deployment's own; a connected server's is what it said last. */
export function toEntries(
  { tools, sources }: ToolCatalogue,
  { planner, health }: { readonly planner: PlannerKind; readonly health: ReadonlyMap<string, ToolHealth> },
): ToolCatalogueEntry[] {
  return tools.map((tool) => {
    const source = sources.find((one) => one.tools.includes(tool.name));
    const asked = source === undefined ? null : { state: "ok" as const, code: null, checked_at: source.checked_at };
    return { ...tool, health: health.get(tool.name) ?? asked, by_default: isByDefault(tool, planner) };
  });
}

/** Whether a run of this planner that names no tools gets it. */
export function isByDefault({ name, availability }: CatalogueTool, planner: PlannerKind): boolean {
  return availability.state === "ready" && (planner === "hosted" || offlineTools.includes(name));
}

/** The tools of a new run or batch that is pinned to `policy`. Connected servers are asked only where one of their tools may be among them. */
export async function chooseTools(
  services: Services,
  { tenant, policy }: { readonly tenant: string; readonly policy: PolicyRef },
  wanted: readonly string[] | undefined,
): Promise<string[]> {
  if (wanted === undefined) {
    const planner = await services.plannerOf(tenant, policy);
    const { tools } = planner === "offline" ? services : await services.toolsFor(tenant);
    return tools.filter((tool) => isByDefault(tool, planner)).map((tool) => tool.name);
  }
  if (wanted.every((name) => findTool(name, services.tools) !== null)) {
    return resolveTools(wanted, services.tools);
  }
  const { tools, sources } = await services.toolsFor(tenant);
  return resolveTools(wanted, tools, sources);
}

/**
 * Catalogue names in the catalogue's order (prompts stay cacheable), each once. 422 names the first one that is unknown
 * or lacks its configuration.
 */
export function resolveTools(
  wanted: readonly string[],
  tools: readonly CatalogueTool[],
  sources: readonly ToolSourceEntry[] = [],
): string[] {
  const chosen = wanted.map((name, index) => {
    const tool = findTool(name, tools);
    if (tool === null) {
      const down = sources.find((source) => source.state !== "ready" && name.startsWith(`${source.name}__`));
      if (down !== undefined) {
        const detail = `The server ${down.name} cannot be used now: ${down.detail ?? down.state}.`;
        throw invalidField("unknown_tool", `tools[${index}]`, "tool_unavailable", detail);
      }
      const known = tools.map((entry) => entry.name).join(", ");
      throw invalidField(
        "unknown_tool",
        `tools[${index}]`,
        "unknown_tool",
        `There is no such tool; there are ${known}.`,
      );
    }
    if (tool.availability.state === "needs") {
      const detail = `This deployment has no ${tool.name}: it needs ${tool.availability.needs.join(", ")}.`;
      throw invalidField("unknown_tool", `tools[${index}]`, "tool_not_configured", detail);
    }
    return tool.name;
  });
  return tools.map((tool) => tool.name).filter((name) => chosen.includes(name));
}
