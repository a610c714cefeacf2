// One module call, as the loop makes it: retried, each retry in the log first, within the run's time, and
// written down word for word. What a failure means for the run is decided by the loop, not here.

import type { ChatMessage, ChatReply, EngineError, ReplySchema, Role, SamplingWanted } from "../engines/engine.ts";
import { chatWithRetries } from "../engines/retry.ts";
import { err, ok, type Result } from "../lib/result.ts";
import type { AgentDeps } from "./deps.ts";
import type { ModuleCall, StepName } from "./events.ts";
import type { Prompt } from "./prompts/prompt.ts";
import { backOffLeftMs } from "./run-state.ts";
import type { RunTimer } from "./run-timer.ts";

/** DESIGN section 3: a reply beyond this is a fault, not an answer. */
export const maxReplyBytes = 256 * 1024;

/** What a step's work needs: the run's dependencies, its clock, and when its time is over. */
export interface StepContext {
  readonly deps: AgentDeps;
  readonly timer: RunTimer;
  /** Counted milliseconds at which a call in flight is interrupted. */
  readonly limitMs: number;
  /** Aborts at that time. */
  readonly timeLimit: AbortSignal;
  /** Aborts then, or when `deps.signal` does. */
  readonly stop: AbortSignal;
}

export interface ModuleRequest {
  readonly role: Role;
  readonly step: StepName;
  readonly turn: number | null;
  readonly prompt: Prompt;
  readonly sampling: SamplingWanted;
  readonly schema?: ReplySchema;
  readonly structure: "guided" | "free";
  readonly capture: "tokens" | "text";
  readonly onDelta?: (text: string) => void;
}

export type ModuleFailure =
  | { readonly kind: "cancelled" }
  | { readonly kind: "out_of_time" }
  | { readonly kind: "engine"; readonly error: EngineError };

export interface ModuleReply {
  readonly reply: ChatReply;
  readonly call: ModuleCall;
}

export async function callModule(
  context: StepContext,
  request: ModuleRequest,
): Promise<Result<ModuleReply, ModuleFailure>> {
  const { deps, timer, timeLimit, stop } = context;
  const startedAt = deps.clock.now();
  const asked = chatWithRetries(
    deps.engine,
    { ...toChatRequest(deps, request), after: timer.after },
    {
      signal: stop,
      clock: { sleep: (ms, signal) => timer.backOff(ms, signal) },
      random: deps.random,
      waitLeftMs: () => backOffLeftMs(deps.log.state),
      onRetry: async ({ attempt, code, reason, waitMs }) => {
        await noteRetry(context, request, { attempt, reason: code, message: reason, wait_ms: waitMs });
      },
    },
  );
  // Neither a cancel nor the run's time limit waits for an engine, or a store behind it, that does not listen.
  const done = await untilAborted(asked, stop);
  if (done === "aborted") {
    return err({ kind: deps.signal.aborted ? "cancelled" : "out_of_time" });
  }
  if (done.ok) {
    const { reply, attempts } = done.value;
    return ok({ reply, call: toModuleCall(request, reply, attempts, startedAt, deps.clock.now()) });
  }
  if (deps.signal.aborted) {
    return err({ kind: "cancelled" });
  }
  return timeLimit.aborted ? err({ kind: "out_of_time" }) : err({ kind: "engine", error: done.error });
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | "aborted"> {
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const onAbort = (): void => {
    // The engine gets the microtasks it needs to say itself that it was aborted.
    setTimeout(resolve, 0, "aborted");
  };
  if (signal.aborted) {
    onAbort();
  }
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Puts a retry into the log: readers void the deltas of the role so far. */
export async function noteRetry(
  context: StepContext,
  request: Pick<ModuleRequest, "role" | "step" | "turn">,
  notice: { attempt: number; reason: string; message: string; wait_ms?: number },
): Promise<void> {
  const payload = { step: request.step, role: request.role, ...notice };
  await context.deps.log.append([{ type: "step.retried", turn: request.turn, ...payload }], context.timer.activeMs());
}

function toChatRequest(deps: AgentDeps, request: ModuleRequest) {
  return {
    role: request.role,
    runId: deps.log.state.runId,
    turn: request.turn,
    messages: request.prompt.messages,
    sampling: request.sampling,
    structure: request.structure,
    capture: request.capture,
    maxReplyBytes,
    ...(request.schema === undefined ? {} : { schema: request.schema }),
    ...(request.role === "planner" && deps.policy !== undefined ? { policy: deps.policy } : {}),
    ...(request.onDelta === undefined ? {} : { onDelta: request.onDelta }),
  };
}

function toModuleCall(
  request: ModuleRequest,
  reply: ChatReply,
  attempts: number,
  startedAt: number,
  endedAt: number,
): ModuleCall {
  return {
    role: request.role,
    prompt: request.prompt.version,
    messages: [...request.prompt.messages],
    text: reply.text,
    reasoning: reply.reasoning,
    finish_reason: reply.finishReason,
    model_requested: reply.modelRequested,
    model_served: reply.modelServed,
    engine: reply.engine,
    guided: reply.guided,
    sampling: reply.sampling,
    tokens: reply.tokens,
    usage: reply.usage,
    attempts,
    started_at: new Date(startedAt).toISOString(),
    latency_ms: endedAt - startedAt,
  };
}

/** A conversation that asks a frozen module once more, with what was wrong with its first reply. */
export function withComplaint(prompt: Prompt, replied: string, complaint: string): Prompt {
  const messages: ChatMessage[] = [
    ...prompt.messages,
    { role: "assistant", content: replied },
    { role: "user", content: `That reply cannot be used: ${complaint}\nReply again, with the JSON object alone.` },
  ];
  return { version: prompt.version, messages };
}
