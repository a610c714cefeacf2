// The executor: turns the planner's action into calls of the planned tool, with arguments that fit its schema.

import type { Tool } from "../../tools/tool.ts";
import type { Plan } from "../../engines/module-replies.ts";
import { dataNotice, type Prompt, toPrompt } from "./prompt.ts";
import { renderToolCard } from "./tool-card.ts";

const system = `
You write the call of one tool so that it reaches a sub-goal. The tool's card holds the JSON Schema of its arguments.
Write as few calls as reach the sub-goal, usually one; several run one after the other. Each call's arguments must be
complete in themselves and fit the schema exactly. Use the facts of the context; invent none.
${dataNotice}
Reply with one JSON object: {"analysis": string, "calls": [{"arguments": object}]}.
`;

export interface ExecutorInput {
  readonly query: string;
  readonly action: Pick<Plan, "context" | "sub_goal">;
  readonly tool: Tool;
}

export function executorPrompt(input: ExecutorInput): Prompt {
  return toPrompt("executor/1", system, [
    ["tool", renderToolCard(input.tool)],
    ["query", input.query],
    ["context", input.action.context],
    ["sub_goal", input.action.sub_goal],
  ]);
}
