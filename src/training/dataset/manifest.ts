// manifest.json (DATASET.md): what a dataset holds and the hash of each file, written last. A reader trusts only a
// dataset that has one. It depends on claim and rows alone, so that a second export of the claim gives the same bytes.

import * as z from "zod";
import { formatAdvantageSpec, parseAdvantageSpec } from "../advantage-spec.ts";
import type { ClaimTerms } from "./claimed-group.ts";
import { exporter, SCHEMA_VERSION, Table } from "./columns.ts";
import type { DatasetIdentity } from "./dataset-id.ts";
import { addStats, emptyStats, Histogram, PolicyUse, Sampling, type SetStats } from "./set-stats.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const DatasetFile = z.strictObject({
  /** Relative to the dataset's folder, and never out of it. */
  path: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/),
  /** Null for the card. */
  table: Table.nullable(),
  rows: z.int().min(0).nullable(),
  bytes: z.int().min(0),
  sha256,
});
export type DatasetFile = z.infer<typeof DatasetFile>;

export const Counts = z.strictObject({
  groups: z.int(),
  rollouts: z.int(),
  turns: z.int(),
  /** Rollouts by reason. */
  invalid: Histogram,
  /** Groups of the claim that broke a rule, and groups whose rollouts were erased: neither has rows here. */
  quarantined: z.int(),
  erased: z.int(),
});
export type Counts = z.infer<typeof Counts>;

export const Manifest = z.strictObject({
  schema_version: z.literal(SCHEMA_VERSION),
  dataset_id: z.string(),
  /** The claim's time. */
  created_at: z.iso.datetime(),
  trigger: z.string(),
  exporter: z.strictObject({ name: z.string(), version: z.string() }),
  advantage_spec: z.string().refine((text) => parseAdvantageSpec(text).ok, "not an advantage spec"),
  loss_weight_spec: z.literal("eq5"),
  claimed_at_policy_step: z.int(),
  counts: Counts,
  group_sizes: Histogram,
  num_turns: Histogram,
  /** Of the groups with advantages; null where there are none. */
  zero_variance_fraction: z.number().nullable(),
  token_source: Histogram,
  /** Share of turns with log-probs; null where there are no turns. */
  logprob_coverage: z.number().nullable(),
  policy_versions: z.array(PolicyUse),
  sampling: Sampling,
  reward_kinds: Histogram,
  tools: Histogram,
  pass_at: z.number(),
  files: z.array(DatasetFile),
  claim_sha256: sha256,
});
export type Manifest = z.infer<typeof Manifest>;

export interface ManifestFacts {
  readonly identity: DatasetIdentity;
  readonly terms: ClaimTerms;
  /** RFC 3339. */
  readonly claimedAt: string;
  readonly trigger: string;
  readonly exporterVersion?: string;
  readonly sets: readonly SetStats[];
  readonly quarantined: number;
  readonly erased: number;
  /** Sets in order, each as turns, rollouts, groups; then the card, once it is written. */
  readonly files: readonly DatasetFile[];
}

export function toManifest(facts: ManifestFacts): Manifest {
  const { identity, terms } = facts;
  const stats = facts.sets.reduce(addStats, emptyStats());
  return {
    schema_version: SCHEMA_VERSION,
    dataset_id: identity.dataset_id,
    created_at: facts.claimedAt,
    trigger: facts.trigger,
    exporter: { name: exporter.name, version: facts.exporterVersion ?? exporter.version },
    advantage_spec: formatAdvantageSpec(terms.advantageSpec),
    loss_weight_spec: "eq5",
    claimed_at_policy_step: terms.policyStep,
    counts: {
      groups: stats.groups,
      rollouts: stats.rollouts,
      turns: stats.turns,
      invalid: stats.invalid,
      quarantined: facts.quarantined,
      erased: facts.erased,
    },
    group_sizes: stats.group_sizes,
    num_turns: stats.num_turns,
    zero_variance_fraction: share(stats.zero_variance, stats.groups_with_advantages),
    token_source: stats.token_source,
    logprob_coverage: share(stats.turns_with_logprobs, stats.turns),
    policy_versions: stats.policy_versions,
    sampling: stats.sampling,
    reward_kinds: stats.reward_kinds,
    tools: stats.tools,
    pass_at: terms.passAt,
    files: [...facts.files],
    claim_sha256: identity.claim_sha256,
  };
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** The file's text; members in the order of the schema. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(Manifest.parse(manifest), null, 2)}\n`;
}
