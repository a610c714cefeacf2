// A tool as the catalogue shows it, and names as callers write them.

import * as z from "zod";
import { parametersOf } from "../agent/prompts/tool-card.ts";
import type { Tool } from "../tools/tool.ts";
import { findTool } from "../tools/tool-name.ts";
import { invalidField } from "./problem.ts";

export const ToolCatalogueEntry = z.strictObject({
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
});
export type ToolCatalogueEntry = z.infer<typeof ToolCatalogueEntry>;

export function toCatalogueEntry(tool: Tool): ToolCatalogueEntry {
  return {
    name: tool.name,
    description: tool.description,
    limitations: [...tool.limitations],
    best_practices: [...tool.bestPractices],
    parameters: parametersOf(tool),
    timeout_seconds: tool.timeoutMs / 1000,
    llm_backed: tool.llmBacked,
    repeat: tool.repeat,
  };
}

/** Catalogue names in the catalogue's order (prompts stay cacheable), each once; 422 names the first unknown one. */
export function resolveTools(wanted: readonly string[] | undefined, tools: readonly ToolCatalogueEntry[]): string[] {
  if (wanted === undefined) {
    return tools.map((tool) => tool.name);
  }
  const chosen = wanted.map((name, index) => {
    const tool = findTool(name, tools);
    if (tool === null) {
      const known = tools.map((entry) => entry.name).join(", ");
      throw invalidField(
        "unknown_tool",
        `tools[${index}]`,
        "unknown_tool",
        `There is no such tool; there are ${known}.`,
      );
    }
    return tool.name;
  });
  return tools.map((tool) => tool.name).filter((name) => chosen.includes(name));
}
