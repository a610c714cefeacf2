// Rules 2 to 4 of DATASET over one group and the sums of its rollouts. Pure: rows go in, broken rules come out as
// sentences, and nothing is put right.

import type { AdvantageSpec } from "../advantage-spec.ts";
import type { GroupTableRow, RolloutTableRow } from "./columns.ts";
import type { Rule } from "./findings.ts";

/** DATASET: sums hold within this. */
const tolerance = 1e-9;

/** What the turns of a rollout add up to. */
export interface RolloutSums {
  readonly row: RolloutTableRow;
  readonly turns: number;
  /** Turns that have no id at all, or where the server gave none. */
  readonly turnsWithoutTokens: number;
  /** Sum over the turns of loss weight times tokens. */
  readonly weight: number;
}

export interface Broken {
  readonly rule: Rule;
  readonly rolloutId?: string;
  readonly detail: string;
}

export function checkGroup(spec: AdvantageSpec, group: GroupTableRow, rollouts: readonly RolloutSums[]): Broken[] {
  const valid = rollouts.filter(({ row }) => row.valid);
  return [
    ...rollouts.flatMap((rollout) => checkAdvantagePresence(group, rollout)),
    ...(valid.length === group.size_valid
      ? []
      : [broken("rule_3", `size_valid is ${group.size_valid}, and ${valid.length} rollouts are valid`)]),
    ...(group.advantages ? [...checkAdvantageSum(spec, group, valid), ...checkWeights(valid)] : []),
  ];
}

function broken(rule: Rule, detail: string, rolloutId?: string): Broken {
  return { rule, detail, ...(rolloutId === undefined ? {} : { rolloutId }) };
}

/** A valid rollout of a group with advantages has one, and no other has. */
function checkAdvantagePresence(group: GroupTableRow, { row }: RolloutSums): Broken[] {
  const wanted = group.advantages && row.valid;
  return wanted === (row.advantage !== null)
    ? []
    : [
        broken(
          "rule_3",
          wanted ? "a valid rollout has no advantage" : "an advantage that should be null",
          row.rollout_id,
        ),
      ];
}

function checkAdvantageSum(spec: AdvantageSpec, group: GroupTableRow, valid: readonly RolloutSums[]): Broken[] {
  const rewards = valid.map(({ row }) => row.reward ?? 0);
  const largest = rewards.reduce((most, reward) => Math.max(most, Math.abs(reward)), 0);
  const divisor = spec.std === "none" ? 1 : (group.baseline_std ?? 0) + spec.eps;
  const sum = valid.reduce((all, { row, turns }) => all + (row.advantage ?? 0) * (spec.over === "turn" ? turns : 1), 0);
  const found: Broken[] = [];
  if (group.zero_variance !== (rewards.length > 0 && rewards.every((reward) => reward === rewards[0]))) {
    found.push(broken("rule_3", `zero_variance is ${group.zero_variance}, which the rewards are not`));
  }
  if (group.zero_variance) {
    if (valid.some(({ row }) => row.advantage !== 0)) {
      found.push(broken("rule_3", "equal rewards, and an advantage that is not 0"));
    }
  } else if (!(Math.abs(sum) <= tolerance * Math.max(1, largest / divisor))) {
    found.push(broken("rule_3", `the advantages sum to ${sum}`));
  }
  return found;
}

function checkWeights(valid: readonly RolloutSums[]): Broken[] {
  const whole = valid.filter(({ turnsWithoutTokens }) => turnsWithoutTokens === 0);
  const sum = whole.reduce((all, { weight }) => all + weight, 0);
  const expected = whole.length / Math.max(1, valid.length);
  return Math.abs(sum - expected) <= tolerance
    ? []
    : [broken("rule_4", `loss weights times tokens sum to ${sum}, not ${expected}`)];
}
