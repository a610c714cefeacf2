// The planner: the trainable policy. Its prompt is a pure function of (q, analysis, K, M, turns left), the
// paper's state s^t, so that a dataset row can be replayed from the log alone.

import type { Tool } from "../../tools/tool.ts";
import { type MemoryEntry, renderMemory } from "../memory.ts";
import type { Analysis } from "../../engines/module-replies.ts";
import { dataNotice, type Prompt, toPrompt } from "./prompt.ts";
import { renderToolCards } from "./tool-card.ts";

const system = `
You plan the next step towards answering a question. Other agents carry the step out and check it; you see their
results in the memory, one JSON object for each earlier turn.
Choose exactly one tool from the list and one sub-goal that this tool can reach in one go. The agent that writes the
tool's call sees your sub-goal and your context and nothing of the memory: put every fact, number and name that it needs
into the context. Build on what memory holds, do not repeat a step that succeeded, and after a failure change the approach.
When few turns are left, choose the step that brings the answer closest.
${dataNotice}
Reply with one JSON object: {"justification": string, "context": string, "sub_goal": string, "tool_name": string}.
`;

export interface PlannerInput {
  readonly query: string;
  readonly analysis: Analysis;
  readonly tools: readonly Tool[];
  readonly memory: readonly MemoryEntry[];
  /** Turns left after this one. */
  readonly turnsLeft: number;
}

export function plannerPrompt(input: PlannerInput): Prompt {
  return toPrompt("planner/1", system, [
    ["tools", renderToolCards(input.tools)],
    ["query", input.query],
    ["analysis", JSON.stringify(input.analysis)],
    ["memory", renderMemory(input.memory)],
    ["turns_left", String(input.turnsLeft)],
  ]);
}
