// next: state -> the one step to do now. With `fold` it is the whole loop: after a crash the same two calls
// continue where the log ends. It decides when the loop ends: stop, a limit, or an engine's context limit.

import type { IncompleteReason } from "./events.ts";
import type { OutputKind } from "./run-spec.ts";
import { isEnded, openTurn, type RunState, totalTokens, type TurnState } from "./run-state.ts";

export type Step =
  | { readonly step: "start" }
  | { readonly step: "analysis" }
  | { readonly step: "turn"; readonly turn: number }
  | { readonly step: "plan"; readonly turn: number }
  | { readonly step: "command"; readonly turn: number }
  | { readonly step: "tool"; readonly turn: number; readonly callIndex: number; readonly started: boolean }
  | { readonly step: "verification"; readonly turn: number }
  | { readonly step: "turn_end"; readonly turn: number; readonly interrupted: IncompleteReason | null }
  | { readonly step: "answer"; readonly output: OutputKind; readonly reason: IncompleteReason | null }
  | { readonly step: "finish"; readonly reason: IncompleteReason | null }
  | { readonly step: "done" };

/** What only the living loop knows. */
export interface Live {
  /** Time with a loop alive so far, back-off left out. */
  readonly activeMs: number;
  /** The limit met first in this incarnation of the loop; it stays, so that a run ends for one reason. */
  readonly limit: IncompleteReason | null;
}

export function next(state: RunState, live: Live): Step {
  if (isEnded(state)) {
    return { step: "done" };
  }
  if (state.status === "queued") {
    return { step: "start" };
  }
  const turn = openTurn(state);
  if (turn !== null) {
    return nextInTurn(state, turn, live);
  }
  const last = state.turns.at(-1);
  if (last?.verification?.conclusion === "stop") {
    return afterLoop(state, null);
  }
  const limit = last?.completed?.interrupted ?? turnsSpent(state) ?? budgetSpent(state, live);
  if (limit !== null) {
    return afterLoop(state, limit);
  }
  // `base` alone asks for the bare model: there is nothing to plan.
  if (state.spec.outputs.every((output) => output === "base")) {
    return afterLoop(state, null);
  }
  if (state.analysis === null) {
    return { step: "analysis" };
  }
  return { step: "turn", turn: state.turns.length + 1 };
}

function nextInTurn(state: RunState, open: TurnState, live: Live): Step {
  const { turn, plan, command, calls, verification } = open;
  const end = (interrupted: IncompleteReason | null): Step => ({ step: "turn_end", turn, interrupted });
  if (verification !== null) {
    return end(verification.conclusion === "stop" ? null : budgetSpent(state, live));
  }
  const last = calls.at(-1);
  if (last?.status === "running") {
    return { step: "tool", turn, callIndex: calls.length - 1, started: true };
  }
  // Nothing was executed, so there is nothing to verify: the error is the turn's result.
  if (plan !== null && (plan.tool_status !== "ok" || command?.calls.length === 0)) {
    return end(budgetSpent(state, live));
  }
  const limit = budgetSpent(state, live);
  if (limit !== null) {
    return end(limit);
  }
  if (plan === null) {
    return { step: "plan", turn };
  }
  if (command === null) {
    return { step: "command", turn };
  }
  return calls.length < command.calls.length
    ? { step: "tool", turn, callIndex: calls.length, started: false }
    : { step: "verification", turn };
}

function budgetSpent(state: RunState, live: Live): IncompleteReason | null {
  const { limits } = state.spec;
  if (live.limit !== null) {
    return live.limit;
  }
  if (live.activeMs >= limits.max_seconds * 1000) {
    return "max_seconds";
  }
  return totalTokens(state.usage) >= limits.max_tokens ? "max_tokens" : null;
}

function turnsSpent(state: RunState): IncompleteReason | null {
  return state.turns.length >= state.spec.limits.max_turns ? "max_turns" : null;
}

function afterLoop(state: RunState, reason: IncompleteReason | null): Step {
  const output = state.spec.outputs.find((kind) => state.answers[kind] === undefined);
  return output === undefined ? { step: "finish", reason } : { step: "answer", output, reason };
}
