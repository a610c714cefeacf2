// The executor's first half: from the action to calls of the planned tool whose arguments fit its schema.

import { type Command, commandReply } from "../engines/module-replies.ts";
import { ok } from "../lib/result.ts";
import { findTool } from "../tools/tool-name.ts";
import type { Tool } from "../tools/tool.ts";
import { askFrozen } from "./ask-frozen.ts";
import type { StepContext } from "./call-module.ts";
import { toJsonText } from "./json-text.ts";
import { executorPrompt } from "./prompts/executor.ts";
import { parametersOf } from "./prompts/tool-card.ts";
import { openTurn } from "./run-state.ts";
import type { StepOutcome } from "./steps.ts";

/** Each call may take its tool's whole timeout; a turn must stay a step, not a program of its own. */
const maxCalls = 8;

export async function writeCommand(context: StepContext, turn: number): Promise<StepOutcome> {
  const { deps } = context;
  const plan = openTurn(deps.log.state)?.plan;
  const tool = plan?.tool === null || plan?.tool === undefined ? null : findTool(plan.tool, deps.tools);
  if (plan === null || plan === undefined || tool === null) {
    throw new Error(`turn ${turn} of ${deps.log.state.runId} has no plan to execute`);
  }
  const prompt = executorPrompt({
    query: deps.log.state.spec.query,
    action: { context: plan.context ?? "", sub_goal: plan.sub_goal ?? "" },
    tool,
  });
  const asked = await askFrozen(context, {
    role: "executor",
    step: "command",
    turn,
    prompt,
    schema: commandReply(parametersOf(tool)),
    complaint: (command) => complaintAbout(command, tool),
  });
  if (!asked.ok) {
    return asked;
  }
  const { value, error, parse, model, usage, calls } = asked.value;
  const payload = {
    tool: tool.name,
    analysis: value?.analysis ?? "",
    calls: (value?.calls ?? []).map((call) => ({ arguments: toArguments(call.arguments) })),
    parse,
    ...(error === null ? {} : { parse_error: error }),
    model,
    usage,
  };
  return ok([{ type: "command.completed", turn, ...payload, detail: { calls: [...calls] } }]);
}

function complaintAbout(command: Command, tool: Tool): string | null {
  if (command.calls.length > maxCalls) {
    return `at most ${maxCalls} calls are allowed in a turn`;
  }
  for (const [index, call] of command.calls.entries()) {
    const args = toArguments(call.arguments);
    const checked = tool.parameters.safeParse(args);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      return `${[`calls[${index}].arguments`, ...(issue?.path ?? [])].join(".")}: ${issue?.message ?? "invalid"}`;
    }
    if (toJsonText(args) === null) {
      return `calls[${index}].arguments: nested too deeply`;
    }
  }
  return null;
}

// Models trained on function calls write the arguments as a JSON text.
function toArguments(value: unknown): unknown {
  if (typeof value !== "string") {
    return value;
  }
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
