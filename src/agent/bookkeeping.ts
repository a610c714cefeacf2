// The steps that call nobody: the event follows from the state alone. They are committed together with what came
// before them, which keeps a turn at four transactions.

import type { IncompleteReason, NewEvent, RunEvent } from "./events.ts";
import { fold } from "./fold.ts";
import { type Live, next, type Step } from "./next.ts";
import { openTurn, type RunState, toolStatusOf } from "./run-state.ts";
import { answerOf, rewardEvent } from "./reward-run.ts";
import type { Reference } from "./run-spec.ts";
import { startTool } from "./run-tool.ts";

export interface Advance {
  /** `pending` and the bookkeeping that follows it, to be appended in one transaction. */
  readonly events: readonly NewEvent[];
  /** The step that must act next, or `done`. */
  readonly step: Step;
  readonly limit: IncompleteReason | null;
}

/** From events not yet appended to the next step that acts. Pure: `nowMs` is the time that the events will carry. */
export function advance(
  state: RunState,
  pending: readonly NewEvent[],
  live: Live,
  { nowMs, reference }: { readonly nowMs: number; readonly reference: Reference | null },
): Advance {
  const at = new Date(nowMs).toISOString();
  const events = [...pending];
  let limit = live.limit;
  let current = pending.reduce((before, event) => preview(before, event, at), state);
  for (;;) {
    const step = next(current, { activeMs: live.activeMs, limit });
    limit ??= limitIn(step);
    const event = bookkeepingEvent(current, step, nowMs, reference);
    if (event === null) {
      return { events, step, limit };
    }
    events.push(event);
    current = preview(current, event, at);
  }
}

// The log gives numbers and times when it commits; for the fold's decisions these will do.
function preview(state: RunState, event: NewEvent, at: string): RunState {
  const envelope = { seq: state.lastSeq + 1, run_id: state.runId, at };
  return fold(state, toEvent(event, envelope));
}

/** An event as the log stores it. */
export function toEvent(event: NewEvent, envelope: { seq: number; run_id: string; at: string }): RunEvent {
  const { detail: _detail, ...body } = event;
  return { ...body, ...envelope };
}

function limitIn(step: Step): IncompleteReason | null {
  switch (step.step) {
    case "turn_end":
      return step.interrupted;
    case "answer":
    case "finish":
      return step.reason;
    default:
      return null;
  }
}

function bookkeepingEvent(state: RunState, step: Step, nowMs: number, reference: Reference | null): NewEvent | null {
  switch (step.step) {
    case "start":
      return { type: "run.started", turn: null, queued_ms: Math.max(0, nowMs - Date.parse(state.createdAt)) };
    case "turn":
      return startTurn(state, step.turn);
    case "tool":
      return step.started ? null : startTool(state, step);
    case "turn_end":
      return endTurn(state, step.turn, step.interrupted, nowMs);
    case "finish":
      return (state.reward === null ? rewardEvent(state, reference) : null) ?? finish(state, step.reason);
    default:
      return null;
  }
}

function startTurn(state: RunState, turn: number): NewEvent {
  return { type: "turn.started", turn, turns_left: state.spec.limits.max_turns - turn };
}

function endTurn(state: RunState, turn: number, interrupted: IncompleteReason | null, nowMs: number): NewEvent {
  const open = openTurn(state);
  if (open === null) {
    throw new Error(`turn ${turn} of ${state.runId} is not open`);
  }
  const payload = {
    ms: Math.max(0, nowMs - Date.parse(open.startedAt)),
    usage: open.usage,
    tool_status: toolStatusOf(open),
    ...(interrupted === null ? {} : { interrupted }),
  };
  return { type: "turn.completed", turn, ...payload };
}

function finish(state: RunState, reason: IncompleteReason | null): NewEvent {
  const answer = answerOf(state) ?? "";
  return reason === null
    ? { type: "run.completed", turn: null, answer, usage: state.usage }
    : { type: "run.incomplete", turn: null, reason, answer, usage: state.usage };
}
