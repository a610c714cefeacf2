// How a tool is shown to planner and executor: one JSON object a tool, in the order of the catalogue, so that
// the prefix of a prompt stays the same from turn to turn and a server can cache it.

import * as z from "zod";
import type { Tool } from "../../tools/tool.ts";

export function parametersOf(tool: Tool): Record<string, unknown> {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(tool.parameters);
  return schema;
}

export function renderToolCard(tool: Tool): string {
  return JSON.stringify({
    name: tool.name,
    description: tool.description,
    limitations: tool.limitations,
    best_practices: tool.bestPractices,
    parameters: parametersOf(tool),
  });
}

export function renderToolCards(tools: readonly Tool[]): string {
  return tools.map(renderToolCard).join("\n");
}
