// RunState -> the run object of the API.

import { answerOf } from "./reward-run.ts";
import type { RunCall, RunObject, RunTurn } from "./run-object.ts";
import { type CallState, type RunState, toolStatusOf, type TurnState } from "./run-state.ts";

export function toRunObject(state: RunState): RunObject {
  const { spec } = state;
  return {
    id: state.runId,
    session_id: spec.session_id,
    status: state.status,
    query: spec.query,
    answer: answerOf(state),
    outputs: state.answers,
    ...(state.reason === null ? {} : { reason: state.reason }),
    ...(state.error === null ? {} : { error: state.error }),
    turns: state.turns.map(toRunTurn),
    usage: state.usage,
    limits: spec.limits,
    tools: spec.tools,
    policy_version: spec.policy.version,
    ...(state.reward === null ? {} : { reward: { ...state.reward, source: "log" } }),
    created_at: state.createdAt,
    ended_at: state.endedAt,
    metadata: spec.metadata,
  };
}

function toRunTurn(turn: TurnState): RunTurn {
  const { plan, verification } = turn;
  return {
    turn: turn.turn,
    plan:
      plan === null
        ? null
        : {
            justification: plan.justification,
            context: plan.context,
            sub_goal: plan.sub_goal,
            tool: plan.tool,
            parse: plan.parse,
            model: plan.model,
            policy_version: plan.policy_version,
          },
    calls: turn.calls.map(toRunCall),
    verification:
      verification === null ? null : { conclusion: verification.conclusion, analysis: verification.analysis },
    tool_status: toolStatusOf(turn),
    ms: turn.completed?.ms ?? null,
    usage: turn.usage,
  };
}

function toRunCall(call: CallState): RunCall {
  return {
    arguments: call.arguments,
    status: call.status,
    ...(call.result === undefined ? {} : { result: call.result }),
    ...(call.error === undefined ? {} : { error: call.error }),
    ...(call.ms === undefined ? {} : { ms: call.ms }),
    ...(call.producedBy === undefined ? {} : { produced_by: call.producedBy }),
  };
}
