// fold: (state, event) -> state, one event at a time, pure and total over any log that `append` admits. The
// loop, the run object, memory and the record all stand on it.

import { unreachable } from "../lib/unreachable.ts";
import type { Payload, RunEvent } from "./events.ts";
import { toMemoryEntry } from "./memory-entry.ts";
import { addTokens, addUsage, type CallState, noTokens, openTurn, type RunState, type TurnState } from "./run-state.ts";
import { stepKey } from "./step-key.ts";

/** Folds a whole log; null for an empty one. Throws if the log does not begin with `run.created`. */
export function foldRun(events: Iterable<RunEvent>): RunState | null {
  let state: RunState | null = null;
  for (const event of events) {
    state = fold(state, event);
  }
  return state;
}

export function fold(state: RunState | null, event: RunEvent): RunState {
  if (event.type === "run.created") {
    return created(event);
  }
  if (state === null) {
    throw new Error(`the log of ${event.run_id} begins with ${event.type}`);
  }
  return { ...apply(state, event), recoveries: countRecoveries(state, event), lastSeq: event.seq };
}

function created(event: RunEvent & { type: "run.created" }): RunState {
  const { type: _type, seq, run_id, turn: _turn, at, ...spec } = event;
  return {
    runId: run_id,
    spec,
    status: "queued",
    createdAt: at,
    startedAt: null,
    endedAt: null,
    analysis: null,
    turns: [],
    memory: [],
    answers: {},
    usage: { total: noTokens, by_role: {} },
    reason: null,
    error: null,
    reward: null,
    recoveries: { sinceProgress: 0, byStep: {} },
    backOffMs: 0,
    lastSeq: seq,
  };
}

function apply(state: RunState, event: Exclude<RunEvent, { type: "run.created" }>): RunState {
  switch (event.type) {
    case "run.started":
      return { ...state, status: "running", startedAt: event.at };
    case "analysis.completed":
      return { ...state, analysis: event.analysis, usage: addUsage(state.usage, "analyzer", event.usage) };
    case "turn.started":
      return { ...state, turns: [...state.turns, newTurn(event)] };
    case "plan.completed":
    case "command.completed":
    case "tool.started":
    case "tool.completed":
    case "tool.failed":
    case "verification.completed":
      return duringTurn(state, event);
    case "turn.completed":
      return endTurn(state, event);
    case "step.retried":
      return event.reason === "recovered" ? state : { ...state, backOffMs: state.backOffMs + (event.wait_ms ?? 0) };
    case "answer.completed":
      return {
        ...state,
        answers: { ...state.answers, [event.output]: event.text },
        usage: addUsage(state.usage, "generator", event.usage),
      };
    case "reward.recorded":
      return { ...state, reward: { value: event.value, kind: event.kind, components: event.components } };
    case "run.completed":
      return { ...state, status: "completed", endedAt: event.at };
    case "run.incomplete":
      return { ...state, status: "incomplete", reason: event.reason, endedAt: event.at };
    case "run.failed":
      return { ...state, status: "failed", error: event.problem, endedAt: event.at };
    case "run.cancelled":
      return { ...state, status: "cancelled", endedAt: event.at };
    default:
      return unreachable(event);
  }
}

function newTurn(event: RunEvent & { type: "turn.started" }): TurnState {
  return {
    turn: event.turn ?? 0,
    startedAt: event.at,
    plan: null,
    command: null,
    calls: [],
    verification: null,
    usage: noTokens,
    completed: null,
  };
}

type TurnEvent = Extract<
  RunEvent,
  {
    type:
      | "plan.completed"
      | "command.completed"
      | "tool.started"
      | "tool.completed"
      | "tool.failed"
      | "verification.completed";
  }
>;

function duringTurn(state: RunState, event: TurnEvent): RunState {
  const turn = openTurn(state);
  if (turn === null) {
    throw new Error(`${event.type} of ${event.run_id} stands outside a turn`);
  }
  const role = roleOf(event);
  const usage = "usage" in event ? (event.usage ?? noTokens) : noTokens;
  const changed: TurnState = { ...changeTurn(turn, event), usage: addTokens(turn.usage, usage) };
  return {
    ...state,
    turns: [...state.turns.slice(0, -1), changed],
    usage: role === null || usage === noTokens ? state.usage : addUsage(state.usage, role, usage),
  };
}

function roleOf(event: TurnEvent) {
  switch (event.type) {
    case "plan.completed":
      return "planner";
    case "command.completed":
      return "executor";
    case "verification.completed":
      return "verifier";
    case "tool.completed":
    case "tool.failed":
      return "tool";
    case "tool.started":
      return null;
    default:
      return unreachable(event);
  }
}

function changeTurn(turn: TurnState, event: TurnEvent): TurnState {
  switch (event.type) {
    case "plan.completed":
      return { ...turn, plan: payloadOf(event) };
    case "command.completed":
      return { ...turn, command: payloadOf(event) };
    case "verification.completed":
      return { ...turn, verification: payloadOf(event) };
    case "tool.started":
      return { ...turn, calls: [...turn.calls, { arguments: event.arguments, status: "running" }] };
    case "tool.completed":
      return endCall(turn, event.call_index, {
        status: "ok",
        result: event.result,
        ms: event.ms,
        producedBy: event.produced_by,
      });
    case "tool.failed":
      return endCall(turn, event.call_index, {
        status: callStatusOf(event.problem.code),
        ...(event.result === undefined ? {} : { result: event.result }),
        error: event.problem,
        ms: event.ms,
        producedBy: event.produced_by,
      });
    default:
      return unreachable(event);
  }
}

function callStatusOf(code: string): CallState["status"] {
  switch (code) {
    case "timeout":
    case "time_limit":
    case "interrupted":
      return "timeout";
    case "outcome_unknown":
      return "outcome_unknown";
    default:
      return "error";
  }
}

function endCall(turn: TurnState, index: number, end: Omit<CallState, "arguments">): TurnState {
  return {
    ...turn,
    calls: turn.calls.map((call, at) => (at === index ? { arguments: call.arguments, ...end } : call)),
  };
}

// What a stored event holds beside its envelope is its payload.
function payloadOf<T extends "plan.completed" | "command.completed" | "verification.completed">(
  event: { type: T; seq: number; run_id: string; turn: number | null; at: string } & Payload<T>,
) {
  const { type: _type, seq: _seq, run_id: _runId, turn: _turn, at: _at, ...payload } = event;
  return payload;
}

function endTurn(state: RunState, event: RunEvent & { type: "turn.completed" }): RunState {
  const turn = openTurn(state);
  if (turn === null) {
    throw new Error(`turn.completed of ${event.run_id} closes no turn`);
  }
  const { type: _type, seq: _seq, run_id: _runId, turn: _turn, at: _at, ...completed } = event;
  const closed: TurnState = { ...turn, completed };
  return {
    ...state,
    turns: [...state.turns.slice(0, -1), closed],
    memory: [...state.memory, toMemoryEntry(closed)],
  };
}

function countRecoveries({ recoveries }: RunState, event: RunEvent): RunState["recoveries"] {
  const { sinceProgress, byStep } = recoveries;
  if (event.type !== "step.retried" || event.reason !== "recovered") {
    return sinceProgress === 0 ? recoveries : { sinceProgress: 0, byStep };
  }
  const key = stepKey(event.step, event.turn);
  return { sinceProgress: sinceProgress + 1, byStep: { ...byStep, [key]: (byStep[key] ?? 0) + 1 } };
}
