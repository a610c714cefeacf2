// Schemas of what callers send and of what only HTTP shows. What the log and the run object look like is the
// agent's business; these are strict about everything else.

import * as z from "zod";
import { RunStatus } from "../agent/run-object.ts";
import { Limits, Metadata, OutputKind, PlannerSampling, Reference, ToolResults } from "../agent/run-spec.ts";
import { isSessionId } from "../lib/ids.ts";
import { RoleEngine } from "./services.ts";

export const maxQueryCharacters = 32_768;
/** The ceilings that the schema of the limits sets. */
export const maxLimits: Limits = { max_turns: 20, max_seconds: 3600, max_tokens: 10_000_000 };

/** Any text: what is not an id names nothing and answers 404. */
export const IdParam = z.strictObject({ id: z.string().describe("The id, as another reply gave it.") });

/** Anything but white space, control characters and what takes no room: joiners, marks of direction, fillers. */
const visible = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;

export const SolveRequest = z.strictObject({
  query: z
    .string()
    .min(1, "Must not be empty.")
    .max(maxQueryCharacters)
    .regex(/\S/, "Must not be blank.")
    .refine((query) => visible.test(query), "Must not be blank.")
    .refine((query) => query.isWellFormed(), "Must be text; half of a surrogate pair is none.")
    .describe("The question."),
  session_id: z.string().max(64).optional().describe("Continue this session; absent = a new one."),
  tools: z.array(z.string().max(128)).min(1).max(64).optional().describe("Tool names; absent = all."),
  tool_results: ToolResults.optional().describe(
    "`kept`: use the kept results of earlier calls with the same arguments, and keep new ones; absent = `fresh`.",
  ),
  outputs: z
    .array(OutputKind)
    .min(1)
    .max(3)
    .refine((kinds) => new Set(kinds).size === kinds.length, "Each output once.")
    .default(["direct"])
    .describe("What the generator writes; `answer` is the first."),
  limits: Limits.partial().default({}).describe("Merged with the defaults: 10 turns, 300 s, 200,000 tokens."),
  sampling: PlannerSampling.partial().default({}).describe("Of the planner; temperature 0 unless set."),
  policy: z.string().max(256).optional().describe("A planner version; absent = the active one."),
  reference: Reference.optional().describe("Gold answers and the reward; never shown to a model."),
  metadata: Metadata.refine((entries) => Object.keys(entries).length <= 16, "At most 16 entries.")
    .default({})
    .describe("At most 16 entries of your own, returned as they are."),
  stream: z.boolean().optional().describe("Answer with the run's events."),
  background: z.boolean().optional().describe("Answer 202 at once."),
});
export type SolveRequest = z.infer<typeof SolveRequest>;

export const SolveHeaders = z.object({
  "Idempotency-Key": z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/)
    .optional()
    .describe("A retry with the same key and body reaches the same run for 24 hours."),
  Prefer: z.string().optional().describe("`respond-async` is the same as `background: true`."),
});

/** A whole number in a query string: digits and nothing else. */
export function wholeNumber(min: number, max: number) {
  const range = max === Number.MAX_SAFE_INTEGER ? `, ${min} or more` : ` from ${min} to ${max}`;
  const error = `Must be a whole number${range}.`;
  const fromDigits = (value: unknown) =>
    typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  return z.preprocess(fromDigits, z.int({ error }).min(min, error).max(max, error));
}

export const ListRunsQuery = z.strictObject({
  limit: wholeNumber(1, 100).default(20),
  cursor: z.string().max(512).optional().describe("`next_cursor` of the page before."),
  status: RunStatus.optional(),
  session_id: z.string().refine(isSessionId, "Must be the id of a session.").optional(),
});

/** A run as the ledger lists it. Until its end is written there it shows `running`. */
export const RunSummary = z.strictObject({
  id: z.string(),
  session_id: z.string(),
  status: RunStatus,
  query: z.string().describe("The first 500 characters."),
  created_at: z.string(),
  ended_at: z.string().nullable(),
  policy_version: z.string(),
  turns: z.int().nullable(),
  usage: z.strictObject({ prompt_tokens: z.int(), completion_tokens: z.int() }).nullable(),
  reason: z.string().nullable(),
  error_code: z.string().nullable(),
});
export type RunSummary = z.infer<typeof RunSummary>;

export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ data: z.array(item), has_more: z.boolean(), next_cursor: z.string().nullable() });
}

export const EventsQuery = z.strictObject({
  starting_after: wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0),
  limit: wholeNumber(1, 500).default(100).describe("Of a JSON page; a stream has no limit."),
  detail: z.enum(["public", "full"]).default("public").describe("`full` needs the scope `datasets` beside `solve`."),
  ticket: z.string().max(2048).optional().describe("In place of a key, for EventSource."),
});

export const EventsHeaders = z.object({
  "Last-Event-ID": z
    .string()
    .optional()
    .describe("The last event that was seen; the larger of this and `starting_after` wins."),
});

export const TicketReply = z.strictObject({ ticket: z.string(), expires_at: z.string(), events_url: z.string() });
export type TicketReply = z.infer<typeof TicketReply>;

export const EraseReply = z.strictObject({
  id: z.string(),
  erased: z.literal(true),
  run_ids: z.array(z.string()),
  datasets: z.array(z.string()).describe("Frozen datasets that hold its rollouts; each can be deleted by itself."),
});
export type EraseReply = z.infer<typeof EraseReply>;

/** Names that the service itself gives to rewards. */
const reservedSources = new Set(["log", "judge", "webhook"]);

export const FeedbackRequest = z.strictObject({
  run_id: z.string().max(64),
  value: z.number().min(-1e15).max(1e15),
  source: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9 ._:@/+-]{0,63}$/,
      "1 to 64 letters, digits, blanks and . _ : @ / + -, a letter or digit first.",
    )
    .refine((source) => !reservedSources.has(source), "log, judge and webhook are the service's own.")
    .describe("Who says so: a reviewer, a test-suite. Its next feedback replaces this one."),
  reason: z
    .string()
    .max(2000)
    .refine((text) => text.isWellFormed(), "Must be text; half of a surrogate pair is none.")
    .optional(),
});
export type FeedbackRequest = z.infer<typeof FeedbackRequest>;

export const FeedbackHeaders = SolveHeaders.pick({ "Idempotency-Key": true });

export const FeedbackReply = z.strictObject({
  run_id: z.string(),
  source: z.string(),
  value: z.number(),
  reason: z.string().nullable(),
  at: z.string(),
});
export type FeedbackReply = z.infer<typeof FeedbackReply>;

export const SessionQuery = z.strictObject({
  limit: wholeNumber(1, 100).default(100),
  cursor: z.string().max(64).optional().describe("`next_cursor` of the page before."),
});

export const ServiceInfo = z.strictObject({
  name: z.literal("agentflow-edge"),
  version: z.string(),
  policy_version: z.string(),
  engines: z.record(z.string(), RoleEngine),
  limits: z.strictObject({ defaults: Limits, maximum: Limits, max_query_characters: z.int(), max_body_bytes: z.int() }),
  tools: z.array(z.string()),
  features: z.array(z.string()),
  anonymous: z.boolean(),
});
export type ServiceInfo = z.infer<typeof ServiceInfo>;

export const Health = z.strictObject({ status: z.literal("ok") });
export const Readiness = z.strictObject({
  status: z.enum(["ok", "unavailable"]),
  checks: z.record(z.string(), z.enum(["ok", "failed"])),
});
