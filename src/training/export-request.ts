// What an export was asked to do, as it is stored with it for good: which groups it may claim and by which rule it
// derives numbers from them. Defaults that depend on the deployment are filled in before this is stored, so that a
// later change of configuration changes no export that is under way.

import * as z from "zod";

/** How a claim's groups are judged; frozen with the claim. */
export const ExportOptions = z.strictObject({
  /** Null: max(2, half of the planned size), group by group. */
  min_valid: z.int().min(2).nullable(),
  allow_partial: z.boolean(),
  /** Groups whose policy is so many steps behind the active one get no advantages. */
  max_staleness: z.int().min(0),
  pass_at: z.number(),
});
export type ExportOptions = z.infer<typeof ExportOptions>;

const Claiming = z.strictObject({
  kind: z.literal("claim"),
  advantage_spec: z.string(),
  options: ExportOptions,
  batch_id: z.string().nullable(),
  policy_version: z.string().nullable(),
  /** RFC 3339: groups that closed later are left for the next export. Null: all closed groups. */
  closed_before: z.string().nullable(),
});

const Deriving = z.strictObject({
  kind: z.literal("from_dataset"),
  advantage_spec: z.string(),
  dataset_id: z.string(),
});

export const ExportRequest = z.discriminatedUnion("kind", [Claiming, Deriving]);
export type ExportRequest = z.infer<typeof ExportRequest>;

export type ClaimRequest = Extract<ExportRequest, { kind: "claim" }>;

export const ExportStatus = z.enum(["queued", "running", "completed", "empty", "failed"]);
export type ExportStatus = z.infer<typeof ExportStatus>;

export const ExportTrigger = z.enum(["cron", "request"]);
export type ExportTrigger = z.infer<typeof ExportTrigger>;

export const defaultMaxStaleness = 4;
export const defaultPassAt = 1;
