// Which reward of a run is in force, as SQL over `runs`: the newest late row with a value, else the log's own. The
// claim of an export, the groups and the rewards of a run all read it from here, so that they cannot disagree.
//
//   SELECT runs.run_id, ${inForce.reward} AS reward, … FROM runs ${joinRewards} WHERE runs.group_id = ?1

/** `late`: the newest row with a value, or nulls. `given_up`: the newest row without one, or nulls. */
export const joinRewards = `
  LEFT JOIN rewards AS late ON late.reward_id =
    (SELECT max(reward_id) FROM rewards WHERE run_id = runs.run_id AND value IS NOT NULL)
  LEFT JOIN rewards AS given_up ON given_up.reward_id =
    (SELECT max(reward_id) FROM rewards WHERE run_id = runs.run_id AND value IS NULL)`;

/** Expressions over `runs` and what `joinRewards` adds, named as the columns of `claim_rollouts`. */
export const inForce = {
  reward: "coalesce(late.value, runs.reward)",
  reward_kind: "CASE WHEN late.reward_id IS NULL THEN runs.reward_kind ELSE late.kind END",
  /** `log` for a pure reward; `judge`, `webhook`, or the name that feedback came under. */
  reward_source: "CASE WHEN late.reward_id IS NOT NULL THEN late.source WHEN runs.reward IS NOT NULL THEN 'log' END",
  /** JSON text, or null. */
  reward_components: "CASE WHEN late.reward_id IS NULL THEN runs.reward_components ELSE late.components END",
  judge_model: "late.judge_model",
  /** Null for a valid rollout. What the run itself says goes before what its rewards say. */
  invalid_reason: `coalesce(runs.invalid_reason, CASE
    WHEN coalesce(late.value, runs.reward) IS NOT NULL THEN NULL
    WHEN given_up.reward_id IS NOT NULL THEN 'judge_failed'
    ELSE 'no_reward' END)`,
} as const;
