// How a tool is shown to planner and executor: one JSON object a tool, in the order of the catalogue, so that
// the prefix of a prompt stays the same from turn to turn and a server can cache it.

import * as z from "zod";
import type { Tool } from "../../tools/tool.ts";

// A tool's schema never changes, and turning it into JSON Schema costs more than the rest of a prompt.
const schemas = new WeakMap<Tool["parameters"], Record<string, unknown>>();

export function parametersOf(tool: Tool): Record<string, unknown> {
  const known = schemas.get(tool.parameters);
  if (known !== undefined) {
    return known;
  }
  const { $schema: _dialect, ...schema } = z.toJSONSchema(tool.parameters);
  schemas.set(tool.parameters, schema);
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
