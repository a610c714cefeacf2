// The Tool port. A tool says what it is for, what it cannot do, what its arguments look like and what a
// crash may do to it; the executor reads that, and the loop obeys it. Tools return failures as values.

import type * as z from "zod";
import type { ChatMessage, ChatReply, EngineError, TokenUsage } from "../engines/engine.ts";
import type { Result } from "../lib/result.ts";

/**
 * What the loop may do with a call whose outcome a crash has hidden: `safe` call it again; `keyed` call it again
 * with the same `Idempotency-Key`; `never` report `outcome_unknown`.
 */
export type Repeat = "safe" | "keyed" | "never";

export interface ToolContext {
  readonly tenant: string;
  readonly runId: string;
  /** From 1. */
  readonly turn: number;
  /** From 0 within the turn. */
  readonly callIndex: number;
  /** `run/turn/call`, the same on every try of this call. */
  readonly idempotencyKey: string;
  /** Aborted by cancel, the run's time limit and the tool's own timeout. */
  readonly signal: AbortSignal;
  /** Until the run's time is over; for work that no signal can interrupt. */
  readonly timeLeftMs: number;
  /** The run's clock stands still until the promise settles: for a wait behind other runs, which is nobody's work. */
  readonly holdClock: (until: Promise<void>) => void;
  /** Arguments of this tool's earlier calls in this run that ended in `tool.completed`, oldest first. */
  readonly earlierArguments: readonly unknown[];
  /** One model call with the role `tool`, retried and counted by the loop. */
  chat(messages: readonly ChatMessage[]): Promise<Result<ChatReply, EngineError>>;
  /** Tokens of a model that the tool asked by itself; they count as those of `chat` do, whatever becomes of the call. */
  readonly countTokens: (usage: TokenUsage) => void;
}

export interface ToolOutput {
  /** A JSON value; the loop caps its JSON text at 64 KB. */
  readonly result: unknown;
  /** Which model, service or interpreter made it, e.g. `offline-1`, `cpython-3.14.2/pyodide-314.0.7`. */
  readonly producedBy: string;
}

export interface ToolError {
  /** e.g. `program_error`, `time_limit`, `memory_limit`, `output_limit`, `sandbox_crashed`, `engine_failed`. */
  readonly code: string;
  readonly detail: string;
  readonly producedBy: string;
  /** What there was before it failed, e.g. the text printed so far. */
  readonly result?: unknown;
}

/** Whether a deployment has what a tool needs. `needs` names the missing variables, alternatives joined by " or ". */
export type ToolAvailability =
  | { readonly state: "ready" }
  | { readonly state: "needs"; readonly needs: readonly string[] };

export interface Tool<Arguments = unknown> {
  readonly name: string;
  /** Absent where the tool needs nothing. A tool that lacks something is shown in the catalogue and never offered. */
  readonly availability?: ToolAvailability;
  /**
   * What makes a result of the same arguments another one: the service behind the tool, or this code. Absent where a
   * result must never come from the cache of results.
   */
  readonly version?: string;
  readonly description: string;
  readonly limitations: readonly string[];
  readonly bestPractices: readonly string[];
  /** Strict: arguments outside it are refused before `run`. Its JSON Schema is what the executor sees. */
  readonly parameters: z.ZodType<Arguments>;
  readonly timeoutMs: number;
  /** A language model stands behind the result. */
  readonly llmBacked: boolean;
  readonly repeat: Repeat;
  run(args: Arguments, context: ToolContext): Promise<Result<ToolOutput, ToolError>>;
}
