// The state of a run: what `fold` makes of its log. Every reader of the log (loop, run object, record, prompts)
// sees the run through it; nothing in it is stored.

import type { Role, TokenUsage } from "../engines/engine.ts";
import type { Analysis } from "../engines/module-replies.ts";
import type { ErrorInfo, IncompleteReason, Payload, RunUsage, ToolStatus } from "./events.ts";
import type { MemoryEntry } from "./memory.ts";
import type { RunStatus } from "./run-object.ts";
import type { OutputKind, RunSpec } from "./run-spec.ts";

export type CallStatus = "running" | "ok" | "error" | "timeout" | "outcome_unknown";

export interface CallState {
  readonly arguments: unknown;
  readonly status: CallStatus;
  readonly result?: unknown;
  readonly error?: ErrorInfo;
  readonly ms?: number;
  readonly producedBy?: string;
}

export interface TurnState {
  /** From 1. */
  readonly turn: number;
  readonly startedAt: string;
  readonly plan: Payload<"plan.completed"> | null;
  readonly command: Payload<"command.completed"> | null;
  /** Calls that have started, in order. */
  readonly calls: readonly CallState[];
  readonly verification: Payload<"verification.completed"> | null;
  readonly usage: TokenUsage;
  readonly completed: Payload<"turn.completed"> | null;
}

export interface RunState {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly status: RunStatus;
  readonly createdAt: string;
  /** When its loop first ran; null while it waits. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly analysis: Analysis | null;
  readonly turns: readonly TurnState[];
  readonly memory: readonly MemoryEntry[];
  readonly answers: Readonly<Partial<Record<OutputKind, string>>>;
  readonly usage: RunUsage;
  readonly reason: IncompleteReason | null;
  readonly error: ErrorInfo | null;
  readonly reward: Payload<"reward.recorded"> | null;
  /** How often each step was taken up again after a crash, by the key of `stepKey`; and since any other event. */
  readonly recoveries: { readonly sinceProgress: number; readonly byStep: Readonly<Record<string, number>> };
  /** Milliseconds that its retries were told to wait, in all. */
  readonly backOffMs: number;
  readonly lastSeq: number;
}

export const noTokens: TokenUsage = { prompt_tokens: 0, completion_tokens: 0 };

export function addTokens(left: TokenUsage, right: TokenUsage): TokenUsage {
  return {
    prompt_tokens: left.prompt_tokens + right.prompt_tokens,
    completion_tokens: left.completion_tokens + right.completion_tokens,
  };
}

export function addUsage(usage: RunUsage, role: Role, tokens: TokenUsage): RunUsage {
  return {
    total: addTokens(usage.total, tokens),
    by_role: { ...usage.by_role, [role]: addTokens(usage.by_role[role] ?? noTokens, tokens) },
  };
}

/** Prompt and completion tokens of all roles: what `max_tokens` limits. */
export function totalTokens(usage: RunUsage): number {
  return usage.total.prompt_tokens + usage.total.completion_tokens;
}

/** Ten servers' pauses of a few seconds, or one of a minute, even where a run may take no longer than that itself. */
const minPauseMs = 60_000;

/**
 * What does not count in `max_seconds` has a bound of its own: half of them again, or a minute. Back-off has one, and
 * so has the wait of tools behind other runs, in each loop that works on the run.
 */
export function maxPauseMs({ spec }: RunState): number {
  return Math.max(minPauseMs, (spec.limits.max_seconds * 1000) / 2);
}

export function backOffLeftMs(state: RunState): number {
  return maxPauseMs(state) - state.backOffMs;
}

export function isEnded(state: RunState): boolean {
  return state.endedAt !== null;
}

/** The turn under way; null between turns. */
export function openTurn(state: RunState): TurnState | null {
  const last = state.turns.at(-1);
  return last === undefined || last.completed !== null ? null : last;
}

// The dataset names one status a turn, so the worst of its calls wins.
const severity: readonly ToolStatus[] = ["ok", "error", "timeout", "outcome_unknown"];

/** The worst status of a turn's calls; null where the turn never came to a tool. */
export function toolStatusOf(turn: TurnState): ToolStatus | null {
  if (turn.plan !== null && turn.plan.tool_status !== "ok") {
    return turn.plan.tool_status;
  }
  if (turn.command !== null && turn.command.calls.length === 0) {
    return "error";
  }
  const statuses = turn.calls.map((call) => (call.status === "running" ? "timeout" : call.status));
  return statuses.reduce<ToolStatus | null>(
    (worst, status) => (worst === null || severity.indexOf(status) > severity.indexOf(worst) ? status : worst),
    null,
  );
}
