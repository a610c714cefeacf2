// What readers of a run are sent beyond its log: the model calls behind an event, and the text that is on its way.
// None of it is ever stored in this form; the service makes it, and these schemas say what callers may rely on.

import * as z from "zod";
import { type EventType, ModuleCall, type RunEvent, RunEventSchema } from "./events.ts";
import { OutputKind } from "./run-spec.ts";

/** An event that came of model calls, where `detail=full` asks for them. */
export type EventWithCalls = RunEvent & {
  /** The last call, the one that counted. */
  call?: ModuleCall;
  /**
   * All of them in order, where there were several: a module that was asked twice, a tool that asks models. Not `calls`:
   * those of `command.completed` are the tool's.
   */
  model_calls?: ModuleCall[];
};

const shown = { call: ModuleCall.optional(), model_calls: z.array(ModuleCall).min(2).optional() };

const moduleEvents: ReadonlySet<EventType> = new Set([
  "analysis.completed",
  "plan.completed",
  "command.completed",
  "tool.completed",
  "tool.failed",
  "verification.completed",
  "answer.completed",
]);

const [createdSchema, ...otherSchemas] = RunEventSchema.options;

/** An event of the log, with the calls behind it where they were asked for. */
export const ShownRunEvent = z.discriminatedUnion("type", [
  createdSchema,
  ...otherSchemas.map((schema) =>
    moduleEvents.has(schema.shape.type.value) ? z.strictObject({ ...schema.shape, ...shown }) : schema,
  ),
]);

const place = { run_id: z.string(), at: z.string() };

/** A piece of the planner's reply as it is written. */
export const PlanDelta = z.strictObject({ type: z.literal("plan.delta"), turn: z.int(), text: z.string(), ...place });

/** A piece of an answer as it is written. */
export const AnswerDelta = z.strictObject({
  type: z.literal("answer.delta"),
  turn: z.null(),
  output: OutputKind,
  text: z.string(),
  ...place,
});

/** The whole text so far of what `of` names, for a reader who joins in the middle. */
export const Snapshot = z.strictObject({
  type: z.literal("snapshot"),
  of: z.enum(["plan.delta", "answer.delta"]),
  turn: z.int().nullable(),
  output: OutputKind.optional(),
  text: z.string(),
  ...place,
});

/** What the `data` of a message of a run's stream holds. Only events of the log have a number. */
export const StreamedEvent = z.discriminatedUnion("type", [ShownRunEvent, PlanDelta, AnswerDelta, Snapshot]);
