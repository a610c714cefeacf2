// The typed events of a run's log, one schema each. The log is the only state: what is not derivable from these
// events does not exist. Names are the wire's, so what is stored is what SSE sends; none is `error`, because the
// openai SDK's SSE reader takes any message that has one for the stream's own failure and throws.

import * as z from "zod";
import { ChatMessage, ReplyTokens, Role, SamplingSent, TokenUsage } from "../engines/engine.ts";
import { Analysis, Conclusion } from "../engines/module-replies.ts";
import { OutputKind, Reference, RunSpec } from "./run-spec.ts";

/** How a structured reply was read; `none` = it could not be. */
export const ParseHow = z.enum(["strict", "repaired", "labelled", "none"]);
export type ParseHow = z.infer<typeof ParseHow>;

/** The worst of a turn's calls, in the dataset's words. */
export const ToolStatus = z.enum(["ok", "error", "timeout", "unparsed", "unknown_tool", "outcome_unknown"]);
export type ToolStatus = z.infer<typeof ToolStatus>;

export const IncompleteReason = z.enum(["max_turns", "max_seconds", "max_tokens", "context_limit"]);
export type IncompleteReason = z.infer<typeof IncompleteReason>;

export const ErrorInfo = z.strictObject({ code: z.string(), detail: z.string() });
export type ErrorInfo = z.infer<typeof ErrorInfo>;

/** Tokens per role and in total, over the calls whose reply is in the log. */
export const RunUsage = z.strictObject({ total: TokenUsage, by_role: z.partialRecord(Role, TokenUsage) });
export type RunUsage = z.infer<typeof RunUsage>;

/** A step of the loop; with run and turn it is the key of its side effect. */
export const StepName = z.enum([
  "start",
  "analysis",
  "turn",
  "plan",
  "command",
  "tool",
  "verification",
  "turn_end",
  "answer",
  "finish",
]);
export type StepName = z.infer<typeof StepName>;

const served = { model: z.string(), usage: TokenUsage };
const outcome = {
  call_index: z.int(),
  tool: z.string(),
  /** As in `tool.started`; absent in logs of earlier versions. */
  arguments: z.unknown().optional(),
  ms: z.int(),
  produced_by: z.string(),
  usage: TokenUsage.optional(),
};

const payloads = {
  "run.created": RunSpec,
  /** How long it waited behind the session's earlier runs. */
  "run.started": z.strictObject({ queued_ms: z.int() }),
  "analysis.completed": z.strictObject({ analysis: Analysis, parse: ParseHow, ...served }),
  "turn.started": z.strictObject({ turns_left: z.int() }),
  /** `tool` is the catalogue's name where the reply's name matched one. */
  "plan.completed": z.strictObject({
    justification: z.string().nullable(),
    context: z.string().nullable(),
    sub_goal: z.string().nullable(),
    tool: z.string().nullable(),
    tool_status: z.enum(["ok", "unparsed", "unknown_tool"]),
    parse: ParseHow,
    parse_error: z.string().optional(),
    policy_version: z.string(),
    ...served,
  }),
  "command.completed": z.strictObject({
    tool: z.string(),
    analysis: z.string(),
    calls: z.array(z.strictObject({ arguments: z.unknown() })),
    parse: ParseHow,
    parse_error: z.string().optional(),
    ...served,
  }),
  "tool.started": z.strictObject({ call_index: z.int(), tool: z.string(), arguments: z.unknown() }),
  /** `cached`: the result is that of an earlier call; nothing was called. */
  "tool.completed": z.strictObject({
    result: z.unknown(),
    cut: z.boolean(),
    cached: z.literal(true).optional(),
    ...outcome,
  }),
  "tool.failed": z.strictObject({ problem: ErrorInfo, result: z.unknown().optional(), cut: z.boolean(), ...outcome }),
  "verification.completed": z.strictObject({
    conclusion: Conclusion,
    analysis: z.string(),
    parse: ParseHow,
    ...served,
  }),
  /** `interrupted` names the limit that ended the loop with this turn, perhaps before its verification. */
  "turn.completed": z.strictObject({
    ms: z.int(),
    usage: TokenUsage,
    tool_status: ToolStatus.nullable(),
    interrupted: IncompleteReason.optional(),
  }),
  "step.retried": z.strictObject({
    step: StepName,
    role: Role.nullable(),
    attempt: z.int(),
    reason: z.string(),
    /** In words. Not `detail`: that is the name of the column beside every event. */
    message: z.string().optional(),
    wait_ms: z.int().optional(),
  }),
  "answer.completed": z.strictObject({ output: OutputKind, text: z.string(), ...served }),
  "reward.recorded": z.strictObject({
    value: z.number(),
    kind: z.string(),
    components: z.record(z.string(), z.number()),
  }),
  "run.completed": z.strictObject({ answer: z.string(), usage: RunUsage }),
  "run.incomplete": z.strictObject({ reason: IncompleteReason, answer: z.string(), usage: RunUsage }),
  "run.failed": z.strictObject({ problem: ErrorInfo, usage: RunUsage }),
  "run.cancelled": z.strictObject({ usage: RunUsage }),
} as const;

export type EventType = keyof typeof payloads;
export type Payload<T extends EventType> = z.infer<(typeof payloads)[T]>;

export const terminalTypes = ["run.completed", "run.incomplete", "run.failed", "run.cancelled"] as const;
export type TerminalType = (typeof terminalTypes)[number];

export function isTerminal(type: EventType): type is TerminalType {
  return terminalTypes.some((terminal) => terminal === type);
}

/** One model call as it happened; kept beside its event and shown with `?detail=full`. */
export const ModuleCall = z.strictObject({
  role: Role,
  /** Name and version of the prompt, e.g. `planner/1`. */
  prompt: z.string(),
  messages: z.array(ChatMessage),
  text: z.string(),
  reasoning: z.string().nullable(),
  finish_reason: z.string().nullable(),
  model_requested: z.string(),
  model_served: z.string(),
  engine: z.string(),
  guided: z.boolean(),
  sampling: SamplingSent,
  tokens: ReplyTokens.nullable(),
  usage: TokenUsage,
  /** Tries of the call: 429, reset, … and the one that succeeded. */
  attempts: z.int(),
  started_at: z.string(),
  latency_ms: z.int(),
});
export type ModuleCall = z.infer<typeof ModuleCall>;

/** Kept in a column of its own, never read by the fold: the calls behind an event; of a creation, its reference. */
export const EventDetail = z.strictObject({
  calls: z.array(ModuleCall).optional(),
  reference: Reference.optional(),
});
export type EventDetail = z.infer<typeof EventDetail>;

const envelope = { seq: z.int().min(1), run_id: z.string(), turn: z.int().nullable(), at: z.string() };

/** A stored event, exactly as SSE sends it. */
export type RunEvent = {
  [T in EventType]: { type: T; seq: number; run_id: string; turn: number | null; at: string } & Payload<T>;
}[EventType];

/** An event before the log gave it its number and time. `detail` goes to a column of its own. */
export type NewEvent = {
  [T in EventType]: { type: T; turn: number | null; detail?: EventDetail } & Payload<T>;
}[EventType];

/** The union that readers of the log, the OpenAPI document and the tests check events against. */
export const RunEventSchema = z.discriminatedUnion("type", [
  payloads["run.created"].extend({ type: z.literal("run.created"), ...envelope }),
  payloads["run.started"].extend({ type: z.literal("run.started"), ...envelope }),
  payloads["analysis.completed"].extend({ type: z.literal("analysis.completed"), ...envelope }),
  payloads["turn.started"].extend({ type: z.literal("turn.started"), ...envelope }),
  payloads["plan.completed"].extend({ type: z.literal("plan.completed"), ...envelope }),
  payloads["command.completed"].extend({ type: z.literal("command.completed"), ...envelope }),
  payloads["tool.started"].extend({ type: z.literal("tool.started"), ...envelope }),
  payloads["tool.completed"].extend({ type: z.literal("tool.completed"), ...envelope }),
  payloads["tool.failed"].extend({ type: z.literal("tool.failed"), ...envelope }),
  payloads["verification.completed"].extend({ type: z.literal("verification.completed"), ...envelope }),
  payloads["turn.completed"].extend({ type: z.literal("turn.completed"), ...envelope }),
  payloads["step.retried"].extend({ type: z.literal("step.retried"), ...envelope }),
  payloads["answer.completed"].extend({ type: z.literal("answer.completed"), ...envelope }),
  payloads["reward.recorded"].extend({ type: z.literal("reward.recorded"), ...envelope }),
  payloads["run.completed"].extend({ type: z.literal("run.completed"), ...envelope }),
  payloads["run.incomplete"].extend({ type: z.literal("run.incomplete"), ...envelope }),
  payloads["run.failed"].extend({ type: z.literal("run.failed"), ...envelope }),
  payloads["run.cancelled"].extend({ type: z.literal("run.cancelled"), ...envelope }),
]);
