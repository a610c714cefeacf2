// Rewards that come after the run: of a model that judges, of a service that is asked, of somebody who says so later.
// They stand alone and are no part of a sum, because a sum is known when the run ends.

import * as z from "zod";
import { SecretName } from "../lib/tenant-secrets.ts";

/** A model compares the answer with the gold answers: 1 or 0. */
export const JudgeReward = z.strictObject({
  kind: z.literal("judge"),
  instructions: z
    .string()
    .min(1)
    .max(4000)
    .refine((text) => text.isWellFormed(), "must be text")
    .optional()
    .describe("What else counts for this task. Needed where there are no gold answers."),
});
export type JudgeReward = z.infer<typeof JudgeReward>;

export const WebhookReward = z.strictObject({
  kind: z.literal("webhook"),
  url: z
    .url({ protocol: /^https?$/, hostname: /./, error: "must be an http or https URL" })
    .max(2048)
    .describe("Gets the outcome as a POST and answers {value, reason?}."),
  secret: SecretName.optional().describe("The name of the secret that signs the request."),
});
export type WebhookReward = z.infer<typeof WebhookReward>;

/** Somebody posts it to /v1/feedback. */
export const ExternalReward = z.strictObject({ kind: z.literal("external") });

export const LateRewardSpec = z.discriminatedUnion("kind", [JudgeReward, WebhookReward, ExternalReward]);
export type LateRewardSpec = z.infer<typeof LateRewardSpec>;
