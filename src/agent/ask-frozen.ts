// Asking a frozen module for a structured reply: a reply that cannot be read is asked for once more, with the
// reason. One that stays empty through its retries cannot be read either: a module's silence must not cost a run what
// its other turns have done. The planner is never asked so: a second sample would not be the policy's own turn.

import type { ReplySchema, TokenUsage } from "../engines/engine.ts";
import { ok, type Result } from "../lib/result.ts";
import {
  callModule,
  type ModuleFailure,
  type ModuleRequest,
  noteRetry,
  type StepContext,
  withComplaint,
} from "./call-module.ts";
import type { ModuleCall, ParseHow } from "./events.ts";
import { addTokens, noTokens } from "./run-state.ts";

/** Enough of a bad reply for the model to see what it did; an enormous one must not fill the second prompt. */
const maxQuotedChars = 4000;

/** Frozen modules think as little as they may: greedy, with room for a full reply. */
export const frozenSampling = { temperature: 0, maxTokens: 4096 } as const;

export interface FrozenReply<T> {
  /** Null where neither reply could be read; `error` then says why. */
  readonly value: T | null;
  readonly error: string | null;
  readonly parse: ParseHow;
  /** The last reply's text. */
  readonly text: string;
  readonly model: string;
  readonly usage: TokenUsage;
  /** None where no reply came. */
  readonly calls: readonly ModuleCall[];
}

export type FrozenRequest<T> = Pick<ModuleRequest, "role" | "step" | "turn" | "prompt"> & {
  readonly schema: ReplySchema<T>;
  /** A check beyond the schema, e.g. of arguments against the tool's; null = fine. */
  readonly complaint?: (value: T) => string | null;
};

export async function askFrozen<T>(
  context: StepContext,
  request: FrozenRequest<T>,
): Promise<Result<FrozenReply<T>, ModuleFailure>> {
  const first = await askOnce(context, request);
  // Silence was asked again by the retries, and there is nothing in it to complain of.
  if (!first.ok || first.value.error === null || first.value.calls.length === 0) {
    return first;
  }
  await noteRetry(context, request, { attempt: 1, reason: "malformed_reply", message: first.value.error });
  // The cut may fall inside a surrogate pair, and some servers refuse half of one.
  const quoted = first.value.text.slice(0, maxQuotedChars).toWellFormed();
  const prompt = withComplaint(request.prompt, quoted, first.value.error);
  const second = await askOnce(context, { ...request, prompt });
  if (!second.ok) {
    return second;
  }
  if (second.value.calls.length === 0) {
    return first;
  }
  const usage = addTokens(first.value.usage, second.value.usage);
  return ok({ ...second.value, usage, calls: [...first.value.calls, ...second.value.calls] });
}

async function askOnce<T>(
  context: StepContext,
  request: FrozenRequest<T>,
): Promise<Result<FrozenReply<T>, ModuleFailure>> {
  const { complaint, ...asked } = request;
  const sampling = { ...frozenSampling };
  const called = await callModule(context, { ...asked, sampling, structure: "guided", capture: "text" });
  if (!called.ok) {
    return isSilence(called.error) ? ok(noReply(context.deps.engine.modelOf(request.role))) : called;
  }
  const { reply, call } = called.value;
  const read = readReply(request.schema, reply.parsed, complaint);
  return ok({ ...read, text: reply.text, model: reply.modelServed, usage: reply.usage, calls: [call] });
}

function isSilence(failure: ModuleFailure): boolean {
  return failure.kind === "engine" && failure.error.code === "empty_reply";
}

function noReply(model: string): FrozenReply<never> {
  const error = "the reply is empty";
  return { value: null, error, parse: "none", text: "", model, usage: noTokens, calls: [] };
}

function readReply<T>(
  schema: ReplySchema<T>,
  parsed: { how: ParseHow; value?: unknown; error?: string } | null,
  complaint: ((value: T) => string | null) | undefined,
): Pick<FrozenReply<T>, "value" | "error" | "parse"> {
  if (parsed === null || parsed.how === "none") {
    return { value: null, error: parsed?.error ?? "the reply has no structure", parse: "none" };
  }
  const value = schema.parse.safeParse(parsed.value);
  if (!value.success) {
    return { value: null, error: value.error.message, parse: "none" };
  }
  const wrong = complaint?.(value.data) ?? null;
  return wrong === null
    ? { value: value.data, error: null, parse: parsed.how }
    : { value: null, error: wrong, parse: "none" };
}
