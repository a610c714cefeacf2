// The planner's turn: one sample of the policy, logged whatever it is. A reply that cannot be read, or that names
// no tool of the run, is the turn's outcome and not a reason to sample again.

import type { Parsed, SamplingWanted } from "../engines/engine.ts";
import { emptyAnalysis, Plan, planReply } from "../engines/module-replies.ts";
import { createRandom } from "../lib/random.ts";
import { ok } from "../lib/result.ts";
import { findTool } from "../tools/tool-name.ts";
import type { Tool } from "../tools/tool.ts";
import { callModule, type StepContext } from "./call-module.ts";
import type { Payload } from "./events.ts";
import { plannerPrompt } from "./prompts/planner.ts";
import { type RunState, totalTokens } from "./run-state.ts";
import type { StepOutcome } from "./steps.ts";

/** The paper's cap on a planner's reply (section A.4 of the training notes: 2,048 tokens). */
const maxPlanTokens = 2048;

export async function planTurn(context: StepContext, turn: number): Promise<StepOutcome> {
  const { deps } = context;
  const { state } = deps.log;
  const prompt = plannerPrompt({
    query: state.spec.query,
    analysis: state.analysis ?? emptyAnalysis,
    tools: deps.tools,
    memory: state.memory,
    turnsLeft: state.spec.limits.max_turns - turn,
  });
  const called = await callModule(context, {
    role: "planner",
    step: "plan",
    turn,
    prompt,
    sampling: plannerSampling(state, turn),
    schema: planReply,
    structure: state.spec.planner_structure,
    capture: "tokens",
    onDelta: (text) => {
      deps.onDelta({ type: "plan.delta", turn, output: null, text });
    },
  });
  if (!called.ok) {
    return called;
  }
  const { reply, call } = called.value;
  const payload: Payload<"plan.completed"> = {
    ...readPlan(reply.parsed, deps.tools),
    policy_version: deps.policyVersion ?? state.spec.policy.version,
    model: reply.modelServed,
    usage: reply.usage,
  };
  return ok([{ type: "plan.completed", turn, ...payload, detail: { calls: [call] } }]);
}

/** A rollout's turns must not share their luck; a caller's own seed goes out as it came. 31 bits suit every server. */
function turnSeed({ spec }: RunState, seed: number, turn: number): number {
  return spec.rollout === undefined ? seed : createRandom(seed, turn).whole(0, 2 ** 31 - 1);
}

function plannerSampling(state: RunState, turn: number): SamplingWanted {
  const { temperature, top_p, seed } = state.spec.sampling;
  return {
    temperature,
    maxTokens: Math.max(1, Math.min(maxPlanTokens, state.spec.limits.max_tokens - totalTokens(state.usage))),
    ...(top_p === undefined ? {} : { topP: top_p }),
    ...(seed === undefined ? {} : { seed: turnSeed(state, seed, turn) }),
    // An unconstrained planner is a rollout's: a server's own sampling defaults must not shape its distribution.
    ...(state.spec.planner_structure === "free" ? { neutral: true } : {}),
  };
}

type PlanRead = Omit<Payload<"plan.completed">, "policy_version" | "model" | "usage">;

function readPlan(parsed: Parsed | null, tools: readonly Tool[]): PlanRead {
  const plan = parsed === null || parsed.how === "none" ? null : Plan.safeParse(parsed.value);
  if (parsed === null || parsed.how === "none" || plan === null || !plan.success) {
    const error = parsed?.how === "none" ? parsed.error : (plan?.error?.message ?? "the reply has no structure");
    return {
      justification: null,
      context: null,
      sub_goal: null,
      tool: null,
      tool_status: "unparsed",
      parse: "none",
      parse_error: error,
    };
  }
  const { justification, context, sub_goal, tool_name } = plan.data;
  const tool = findTool(tool_name, tools);
  const read = { justification, context, sub_goal, parse: parsed.how };
  return tool === null
    ? { ...read, tool: tool_name, tool_status: "unknown_tool", parse_error: unknownTool(tool_name, tools) }
    : { ...read, tool: tool.name, tool_status: "ok" };
}

function unknownTool(name: string, tools: readonly Tool[]): string {
  return `there is no tool "${name.slice(0, 100).toWellFormed()}"; the tools are ${tools.map((tool) => tool.name).join(", ")}`;
}
