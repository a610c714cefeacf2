// What a trainer registers as a planner version: a model behind an OpenAI-compatible server, or the weights of the
// offline planner; and which datasets it was trained on. A version never changes its meaning.

import * as z from "zod";
import { ReplyTokens } from "../engines/engine.ts";
import { OfflineWeights } from "../engines/offline/policy/weights.ts";
import { isId } from "../lib/ids.ts";
import { SecretName } from "../lib/tenant-secrets.ts";

/** Part of a path, of a key in R2 and of model names: nothing that needs escaping. */
export const PolicyVersion = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    "Must be 1 to 64 letters, digits, dots, dashes or underscores, and begin with a letter or digit.",
  );

const LogprobsMode = ReplyTokens.shape.logprobs_mode;

/** A training run reads a handful; the bound keeps a row of D1 small. */
const maxDatasets = 100;

const datasets = z
  .array(z.string().refine((id) => isId("ds", id), "Must be the id of a dataset."))
  .max(maxDatasets)
  .default([])
  .describe("Ids of the datasets that it was trained on.");

const HostedRegistration = z.strictObject({
  engine: z.literal("openai-compatible").optional(),
  base_url: z.string().min(1).max(2048).describe("Of the server, as far as `/chat/completions`."),
  model: z.string().min(1).max(256).describe("The model's name there."),
  secret: SecretName.optional().describe("The operator's variable that holds the server's key, bound to you and it."),
  logprobs_mode: LogprobsMode.default("unknown").describe("How the server takes its log-probs."),
  datasets,
});

const OfflineRegistration = z.strictObject({
  engine: z.literal("offline"),
  weights: OfflineWeights.describe("Of the offline planner; their `version` is the one in the path."),
  datasets,
});

export const PolicyRegistration = z.discriminatedUnion("engine", [HostedRegistration, OfflineRegistration]);
export type PolicyRegistration = z.infer<typeof PolicyRegistration>;

/** As stored. A secret is a name here, never a value. */
export const StoredEndpoint = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("hosted"),
    base_url: z.string(),
    model: z.string(),
    secret: z.string().nullable(),
    logprobs_mode: LogprobsMode,
  }),
  z.strictObject({ kind: z.literal("offline"), weights_key: z.string() }),
]);
export type StoredEndpoint = z.infer<typeof StoredEndpoint>;

/** A registered version. */
export const RegisteredPolicy = z.strictObject({
  version: z.string(),
  policy_step: z.int(),
  endpoint: StoredEndpoint,
  sha256: z.string(),
  created_at: z.string(),
  datasets: z.array(z.string()),
});
export type RegisteredPolicy = z.infer<typeof RegisteredPolicy>;
