// What a manifest counts, per set of files: sums, histograms and extremes that can be added up, so that an export may
// keep one of these for each set it has written. Nothing here grows with the rows.

import * as z from "zod";
import type { GroupRows } from "./build-rows.ts";
import type { GroupTableRow, RolloutTableRow, TurnTableRow } from "./columns.ts";

export const Histogram = z.record(z.string(), z.int());
export type Histogram = z.infer<typeof Histogram>;

/** `min` and `max` of what was sent, null where nothing was; `not_sent` counts turns. */
export const SamplingRange = z.strictObject({
  min: z.number().nullable(),
  max: z.number().nullable(),
  not_sent: z.int(),
});
export type SamplingRange = z.infer<typeof SamplingRange>;

export const Sampling = z.strictObject({
  temperature: SamplingRange,
  top_p: SamplingRange,
  top_k: SamplingRange,
  min_p: SamplingRange,
  frequency_penalty: SamplingRange,
  presence_penalty: SamplingRange,
  repetition_penalty: SamplingRange,
  max_tokens: SamplingRange,
  /** Turns with stop words, and turns whose decoding a schema constrained. */
  with_stop: z.int(),
  guided: z.int(),
});
export type Sampling = z.infer<typeof Sampling>;

const ranged = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "max_tokens",
] as const;

export const PolicyUse = z.strictObject({ version: z.string(), step: z.int(), groups: z.int() });
export type PolicyUse = z.infer<typeof PolicyUse>;

export const SetStats = z.strictObject({
  groups: z.int(),
  groups_with_advantages: z.int(),
  /** Of the groups with advantages. */
  zero_variance: z.int(),
  rollouts: z.int(),
  turns: z.int(),
  turns_with_logprobs: z.int(),
  invalid: Histogram,
  /** Groups by their number of valid rollouts. */
  group_sizes: Histogram,
  /** Rollouts by their number of turns. */
  num_turns: Histogram,
  token_source: Histogram,
  reward_kinds: Histogram,
  tools: Histogram,
  policy_versions: z.array(PolicyUse),
  sampling: Sampling,
});
export type SetStats = z.infer<typeof SetStats>;

const nothing: SamplingRange = { min: null, max: null, not_sent: 0 };

export function emptyStats(): SetStats {
  return {
    groups: 0,
    groups_with_advantages: 0,
    zero_variance: 0,
    rollouts: 0,
    turns: 0,
    turns_with_logprobs: 0,
    invalid: {},
    group_sizes: {},
    num_turns: {},
    token_source: {},
    reward_kinds: {},
    tools: {},
    policy_versions: [],
    sampling: {
      temperature: nothing,
      top_p: nothing,
      top_k: nothing,
      min_p: nothing,
      frequency_penalty: nothing,
      presence_penalty: nothing,
      repetition_penalty: nothing,
      max_tokens: nothing,
      with_stop: 0,
      guided: 0,
    },
  };
}

/** The statistics of `rows` alone. */
export function statsOf(rows: GroupRows): SetStats {
  const rollouts = rows.rollouts.map(({ rollout }) => rollout);
  const turns = rows.rollouts.flatMap((rollout) => rollout.turns);
  return {
    ...groupStats(rows.group),
    ...rolloutStats(rollouts),
    ...turnStats(turns),
  };
}

function groupStats(group: GroupTableRow) {
  return {
    groups: 1,
    groups_with_advantages: group.advantages ? 1 : 0,
    zero_variance: group.advantages && group.zero_variance ? 1 : 0,
    group_sizes: { [group.size_valid]: 1 },
    policy_versions: [{ version: group.policy_version, step: group.policy_step, groups: 1 }],
  };
}

function rolloutStats(rollouts: readonly RolloutTableRow[]) {
  return {
    rollouts: rollouts.length,
    invalid: histogram(rollouts.map((row) => row.invalid_reason)),
    num_turns: histogram(rollouts.map((row) => String(row.num_turns))),
    reward_kinds: histogram(rollouts.map((row) => row.reward_kind)),
  };
}

function turnStats(turns: readonly TurnTableRow[]) {
  const range = (name: (typeof ranged)[number]) => rangeOf(turns.map((row) => row[name]));
  return {
    turns: turns.length,
    turns_with_logprobs: turns.filter((row) => row.response_logprobs !== null).length,
    token_source: histogram(turns.map((row) => row.token_source)),
    // A name that is no tool's is the model's own text, and there is no end of those.
    tools: histogram(turns.map((row) => (row.tool_status === "unknown_tool" ? null : row.tool_name))),
    sampling: {
      temperature: range("temperature"),
      top_p: range("top_p"),
      top_k: range("top_k"),
      min_p: range("min_p"),
      frequency_penalty: range("frequency_penalty"),
      presence_penalty: range("presence_penalty"),
      repetition_penalty: range("repetition_penalty"),
      max_tokens: range("max_tokens"),
      with_stop: turns.filter((row) => row.stop !== null && row.stop.length > 0).length,
      guided: turns.filter((row) => row.guided).length,
    },
  };
}

function rangeOf(values: readonly (number | null)[]): SamplingRange {
  const sent = values.filter((value) => value !== null);
  return {
    min: sent.length === 0 ? null : Math.min(...sent),
    max: sent.length === 0 ? null : Math.max(...sent),
    not_sent: values.length - sent.length,
  };
}

function histogram(names: readonly (string | null)[]): Histogram {
  const counts = new Map<string, number>();
  for (const name of names) {
    if (name !== null) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return sorted(counts);
}

/** Both together. */
export function addStats(left: SetStats, right: SetStats): SetStats {
  return {
    groups: left.groups + right.groups,
    groups_with_advantages: left.groups_with_advantages + right.groups_with_advantages,
    zero_variance: left.zero_variance + right.zero_variance,
    rollouts: left.rollouts + right.rollouts,
    turns: left.turns + right.turns,
    turns_with_logprobs: left.turns_with_logprobs + right.turns_with_logprobs,
    invalid: addHistograms(left.invalid, right.invalid),
    group_sizes: addHistograms(left.group_sizes, right.group_sizes),
    num_turns: addHistograms(left.num_turns, right.num_turns),
    token_source: addHistograms(left.token_source, right.token_source),
    reward_kinds: addHistograms(left.reward_kinds, right.reward_kinds),
    tools: addHistograms(left.tools, right.tools),
    policy_versions: addPolicies(left.policy_versions, right.policy_versions),
    sampling: addSampling(left.sampling, right.sampling),
  };
}

function addHistograms(left: Histogram, right: Histogram): Histogram {
  const counts = new Map(Object.entries(left));
  for (const [name, count] of Object.entries(right)) {
    counts.set(name, (counts.get(name) ?? 0) + count);
  }
  return sorted(counts);
}

function sorted(counts: ReadonlyMap<string, number>): Histogram {
  return Object.fromEntries([...counts].toSorted(([left], [right]) => (left < right ? -1 : 1)));
}

function addPolicies(left: readonly PolicyUse[], right: readonly PolicyUse[]): PolicyUse[] {
  const uses = new Map<string, PolicyUse>();
  for (const use of [...left, ...right]) {
    const key = `${use.step} ${use.version}`;
    uses.set(key, { ...use, groups: use.groups + (uses.get(key)?.groups ?? 0) });
  }
  return [...uses.values()].toSorted((a, b) => a.step - b.step || (a.version < b.version ? -1 : 1));
}

function addSampling(left: Sampling, right: Sampling): Sampling {
  const sum: Sampling = {
    ...left,
    with_stop: left.with_stop + right.with_stop,
    guided: left.guided + right.guided,
  };
  for (const name of ranged) {
    const [a, b] = [left[name], right[name]];
    const known = [a.min, a.max, b.min, b.max].filter((value) => value !== null);
    sum[name] = {
      min: known.length === 0 ? null : Math.min(...known),
      max: known.length === 0 ? null : Math.max(...known),
      not_sent: a.not_sent + b.not_sent,
    };
  }
  return sum;
}
