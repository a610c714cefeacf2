// The planner's features: a deterministic function of the logged prompt (tools, query, memory), as ids in
// ascending order. They are the prompt token ids of a dataset row, so policy probabilities need nothing else.

import type { ChatMessage } from "../../engine.ts";
import { readSubGoal } from "../modules/sub-goals.ts";
import { type PromptView, readPrompt, sameTool, type TurnView } from "../prompt-view.ts";
import { latestResults } from "../results.ts";
import type { PlanTool } from "./grammar.ts";
import { queryFeatures } from "./query-features.ts";
import { type FeatureGroup, featureGroups, featureId, groupOf } from "./vocabulary.ts";

export function features(messages: readonly ChatMessage[], groups: readonly FeatureGroup[] = featureGroups): number[] {
  return featuresOf(readPrompt(messages), groups);
}

export function featuresOf(view: PromptView, groups: readonly FeatureGroup[]): number[] {
  const names = [
    "bias",
    ...toolsOf(view).map((tool) => `tool:${tool}`),
    ...memoryNames(view.memory),
    ...errorNames(view.memory),
  ];
  const ids = names.flatMap((name) => featureId(name) ?? []);
  const seen = new Set([...ids, ...queryFeatures(view.query)]);
  return [...seen].filter((id) => groups.some((group) => group === groupOf(id))).toSorted((a, b) => a - b);
}

/** Which tool tokens have a tool behind them. A prompt without readable tools is taken to offer Python. */
function toolsOf(view: PromptView): PlanTool[] {
  const found = new Set(view.tools.map((tool) => toolToken(tool.name)));
  return found.size === 0 ? ["python_coder"] : [...found];
}

export function toolToken(name: string): PlanTool {
  if (sameTool(name, "python_coder")) {
    return "python_coder";
  }
  return sameTool(name, "base_generator") ? "base_generator" : "other";
}

function memoryNames(memory: readonly TurnView[]): string[] {
  const results = latestResults(memory.flatMap((turn) => turn.results));
  const parts = results.filter((result) => result.of === "part").length;
  const done = results.map((result) => (result.of === "part" ? `done:${result.kind}` : "done:answer"));
  return [...done, `results:${Math.min(parts, 3)}`];
}

/** A step failed if its program did, or if it printed no result. */
function errorNames(memory: readonly TurnView[]): string[] {
  const failed = memory.filter((turn) => turn.failed || turn.results.length === 0);
  const names = failed.map((turn) => {
    const subGoal = readSubGoal(turn.subGoal ?? "");
    return `failed:${subGoal?.kind ?? toolToken(turn.tool ?? "")}`;
  });
  const last = memory.at(-1);
  return last !== undefined && failed.includes(last) ? [...names, "last:failed"] : names;
}
