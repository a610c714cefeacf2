// The loop: fold, next, act, append, until the log has its terminal event. It holds no state of its own beyond
// the run's clock, so a loop that starts on a half-written log does what the lost one would have done.

import { ok } from "../lib/result.ts";
import { unreachable } from "../lib/unreachable.ts";
import { analyzeQuery } from "./analyze-query.ts";
import { advance } from "./bookkeeping.ts";
import type { ModuleFailure, StepContext } from "./call-module.ts";
import type { AgentDeps } from "./deps.ts";
import type { IncompleteReason, NewEvent } from "./events.ts";
import { generateAnswer } from "./generate-answer.ts";
import type { Step } from "./next.ts";
import { planTurn } from "./plan-turn.ts";
import { maxPauseMs, openTurn, type RunState } from "./run-state.ts";
import { createRunTimer, type RunTimer } from "./run-timer.ts";
import { runTool } from "./run-tool.ts";
import type { StepOutcome } from "./steps.ts";
import { verifyTurn } from "./verify-turn.ts";
import { writeCommand } from "./write-command.ts";

/** DESIGN section 3: what a generator may take after the run's time is over. */
const maxGraceMs = 30_000;

/**
 * Runs until the run's log has a terminal event, or until `deps.signal` aborts. Rejects only for faults of the
 * platform or bugs: the caller's lease then starts another loop on the same log.
 */
export async function runLoop(deps: AgentDeps): Promise<void> {
  const timer = createRunTimer(deps.clock, deps.activeMs, maxPauseMs(deps.log.state));
  try {
    await runSteps(deps, timer);
  } finally {
    timer.close();
  }
}

async function runSteps(deps: AgentDeps, timer: RunTimer): Promise<void> {
  const { log, clock, signal, reference } = deps;
  // A call that an earlier incarnation left open: what it did is unknown, and the tool says what may be done.
  let seen: "fresh" | "recovered" = hasOpenCall(log.state) ? "recovered" : "fresh";
  let pending: readonly NewEvent[] = [];
  let limit: IncompleteReason | null = null;
  let context = contextWith(deps, timer, limitMsOf(log.state));
  let answersBy: number | null = null;
  for (;;) {
    const ahead = advance(log.state, pending, { activeMs: timer.activeMs(), limit }, { nowMs: clock.now(), reference });
    limit = ahead.limit;
    if (signal.aborted || (ahead.events.length > 0 && (await log.append(ahead.events, timer.activeMs())) === "ended")) {
      return;
    }
    if (ahead.step.step === "done") {
      return;
    }
    if (ahead.step.step === "answer") {
      answersBy ??= answerLimitMs(log.state, timer.activeMs());
      context = context.limitMs === answersBy ? context : contextWith(deps, timer, answersBy);
    }
    const outcome = await act(context, ahead.step, seen);
    seen = "fresh";
    const after = outcome.ok ? outcome.value : afterFailure(log.state, ahead.step, outcome.error);
    if (after === "cancelled") {
      return;
    }
    limit = typeof after === "string" ? (limit ?? after) : limit;
    pending = typeof after === "string" ? [] : after;
  }
}

/** Made anew only where the limit changes: the run's time is watched once, not once a call. */
function contextWith(deps: AgentDeps, timer: RunTimer, limitMs: number): StepContext {
  const timeLimit = timer.limitSignal(limitMs);
  return { deps, timer, limitMs, timeLimit, stop: AbortSignal.any([deps.signal, timeLimit]) };
}

function hasOpenCall(state: RunState): boolean {
  return openTurn(state)?.calls.some((call) => call.status === "running") ?? false;
}

async function act(context: StepContext, step: Step, seen: "fresh" | "recovered"): Promise<StepOutcome> {
  switch (step.step) {
    case "analysis":
      return analyzeQuery(context);
    case "plan":
      return planTurn(context, step.turn);
    case "command":
      return writeCommand(context, step.turn);
    case "tool":
      return runTool(context, step, seen);
    case "verification":
      return verifyTurn(context, step.turn);
    case "answer":
      return generateAnswer(context, step.output, step.reason);
    case "start":
    case "turn":
    case "turn_end":
    case "finish":
    case "done":
      return ok([]);
    default:
      return unreachable(step);
  }
}

function limitMsOf(state: RunState): number {
  return state.spec.limits.max_seconds * 1000;
}

/** When the answers must stand. A step that overran, as a Python program may, does not use up their time. */
function answerLimitMs(state: RunState, activeMs: number): number {
  return Math.max(limitMsOf(state), activeMs) + Math.min(maxGraceMs, limitMsOf(state) / 4);
}

/** What a failed step comes to: the limit that ends the loop, the run's failure, or nothing after a cancel. */
function afterFailure(
  state: RunState,
  step: Step,
  failure: ModuleFailure,
): IncompleteReason | "cancelled" | NewEvent[] {
  // The generator is the last resort of every limit, so what stops it ends the run.
  const last = step.step === "answer";
  switch (failure.kind) {
    case "cancelled":
      return "cancelled";
    case "out_of_time":
      return last ? failed(state, "engine_timeout", "the answer was not written in the time left") : "max_seconds";
    case "engine": {
      const { code, detail } = failure.error;
      return code === "context_limit" && !last ? "context_limit" : failed(state, code, detail);
    }
    default:
      return unreachable(failure);
  }
}

function failed(state: RunState, code: string, detail: string): NewEvent[] {
  return [{ type: "run.failed", turn: null, problem: { code, detail }, usage: state.usage }];
}
