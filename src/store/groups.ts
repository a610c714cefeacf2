// Groups in D1 with their rollouts, as they are shown: rewards, reasons, states. Of a claimed group they are what the
// claim froze, whatever became of the runs; of another one those in force. Read only; the batch's object writes the
// groups (batches.ts), each session its run, and the exporter the claim.

import * as z from "zod";
import { ExportOptions } from "../training/export-request.ts";
import { inForce, joinRewards } from "./reward-in-force.ts";
import { guardStore } from "./store-fault.ts";

const GroupColumns = z.object({
  group_id: z.string(),
  batch_id: z.string(),
  task_id: z.string(),
  task_index: z.int(),
  split: z.string(),
  policy_version: z.string(),
  policy_step: z.int(),
  size_planned: z.int(),
  created_at: z.string(),
  closed_at: z.string().nullable(),
  complete: z.int(),
  claim_id: z.string().nullable(),
  quarantine_reason: z.string().nullable(),
});

/** The terms on which a claim took the group. */
const GroupClaim = z.object({
  advantage_spec: z.string(),
  policy_step: z.int(),
  options: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(ExportOptions),
});

const GroupListRow = GroupColumns.extend({ claim: GroupClaim.nullable() });
export type GroupListRow = z.infer<typeof GroupListRow>;

export const GroupRolloutRow = z.object({
  group_id: z.string(),
  run_id: z.string(),
  rollout_index: z.int(),
  rollout_attempt: z.int(),
  status: z.string(),
  /** It runs, somebody owes its reward, or it was not in the claim of its group. */
  is_open: z.int().transform((value) => value === 1),
  /** Null too where its session was erased. */
  turns: z.int().nullable(),
  reward: z.number().nullable(),
  reward_kind: z.string().nullable(),
  reward_source: z.string().nullable(),
  reward_pending: z.int().transform((value) => value === 1),
  /** As the claim sees it: a reward that is still owed counts as none. */
  invalid_reason: z.string().nullable(),
});
export type GroupRolloutRow = z.infer<typeof GroupRolloutRow>;

export interface GroupPage {
  readonly groups: GroupListRow[];
  /** Of these groups, in no order. */
  readonly rollouts: GroupRolloutRow[];
  readonly hasMore: boolean;
}

/** All methods throw StoreFault (`ledger_unavailable`) when D1 fails. */
export interface GroupStore {
  /** In the order of the tasks, from the one after `after` (-1 = from the first). */
  list(query: { tenant: string; batchId: string; limit: number; after: number }): Promise<GroupPage>;
  find(tenant: string, groupId: string): Promise<GroupPage>;
  /** Whether any group is of this planner version. */
  isPlayedBy(tenant: string, policyVersion: string): Promise<boolean>;
}

const columns = Object.keys(GroupColumns.shape)
  .map((name) => `groups.${name}`)
  .join(", ");

const selectGroups = `
  SELECT ${columns}, claims.advantage_spec, claims.policy_step AS claimed_at_step, claims.options
  FROM groups LEFT JOIN claims ON claims.claim_id = groups.claim_id`;

/** ?1: ids of groups that nobody has claimed. */
const selectRollouts = `
  SELECT runs.group_id, runs.run_id, runs.rollout_index, runs.rollout_attempt, runs.status, runs.turns,
    runs.ended_at IS NULL OR (runs.reward_pending = 1 AND ${inForce.invalid_reason} IS 'no_reward') AS is_open,
    ${inForce.reward} AS reward, ${inForce.reward_kind} AS reward_kind, ${inForce.reward_source} AS reward_source,
    runs.reward_pending, ${inForce.invalid_reason} AS invalid_reason
  FROM runs ${joinRewards}
  WHERE runs.group_id IN (SELECT value FROM json_each(?1)) AND runs.tenant = ?2`;

/** ?1: claims and their groups, as pairs. What ended after its claim is no part of it. */
const selectFrozen = `
  WITH claimed AS (SELECT value ->> 0 AS claim_id, value ->> 1 AS group_id FROM json_each(?1))
  SELECT frozen.group_id, frozen.run_id, frozen.rollout_index, frozen.rollout_attempt,
    coalesce(runs.status, 'erased') AS status, runs.turns, 0 AS is_open, frozen.reward, frozen.reward_kind,
    frozen.reward_source, 0 AS reward_pending, frozen.invalid_reason
  FROM claimed JOIN claim_rollouts AS frozen USING (claim_id, group_id)
    LEFT JOIN runs ON runs.run_id = frozen.run_id AND runs.tenant = ?2
  UNION ALL
  SELECT runs.group_id, runs.run_id, runs.rollout_index, runs.rollout_attempt, runs.status, runs.turns, 1, NULL, NULL,
    NULL, 0, NULL
  FROM claimed JOIN runs ON runs.group_id = claimed.group_id AND runs.tenant = ?2
  WHERE NOT EXISTS (SELECT 1 FROM claim_rollouts WHERE claim_rollouts.run_id = runs.run_id)`;

const ClaimColumns = z.object({
  claim_id: z.string().nullable(),
  advantage_spec: z.string().nullable(),
  claimed_at_step: z.int().nullable(),
  options: z.string().nullable(),
});

function toGroupRow(row: Record<string, unknown>): GroupListRow {
  const { claim_id, advantage_spec, claimed_at_step: policy_step, options } = ClaimColumns.parse(row);
  return GroupListRow.parse({ ...row, claim: claim_id === null ? null : { advantage_spec, policy_step, options } });
}

export function createGroupStore(db: D1Database): GroupStore {
  async function withRollouts(tenant: string, found: GroupListRow[], limit: number): Promise<GroupPage> {
    const groups = found.slice(0, limit);
    const free = groups.flatMap(({ group_id, claim_id }) => (claim_id === null ? [group_id] : []));
    const claimed = groups.flatMap(({ group_id, claim_id }) => (claim_id === null ? [] : [[claim_id, group_id]]));
    const read = await db.batch([
      db.prepare(selectRollouts).bind(JSON.stringify(free), tenant),
      db.prepare(selectFrozen).bind(JSON.stringify(claimed), tenant),
    ]);
    const rollouts = read.flatMap(({ results }) => results.map((row) => GroupRolloutRow.parse(row)));
    return { groups, rollouts, hasMore: found.length > limit };
  }

  return {
    list: ({ tenant, batchId, limit, after }) =>
      guardStore("ledger_unavailable", async () => {
        const { results } = await db
          .prepare(
            `${selectGroups} WHERE groups.tenant = ?1 AND batch_id = ?2 AND task_index > ?3
             ORDER BY task_index LIMIT ?4`,
          )
          // One more than asked tells whether there is another page.
          .bind(tenant, batchId, after, limit + 1)
          .all();
        const found = results.map(toGroupRow);
        return withRollouts(tenant, found, limit);
      }),
    find: (tenant, groupId) =>
      guardStore("ledger_unavailable", async () => {
        const query = `${selectGroups} WHERE group_id = ?1 AND groups.tenant = ?2`;
        const { results } = await db.prepare(query).bind(groupId, tenant).all();
        const found = results.map(toGroupRow);
        return withRollouts(tenant, found, 1);
      }),
    isPlayedBy: (tenant, policyVersion) =>
      guardStore("ledger_unavailable", async () => {
        const query = "SELECT 1 FROM groups WHERE tenant = ?1 AND policy_version = ?2 LIMIT 1";
        return (await db.prepare(query).bind(tenant, policyVersion).first()) !== null;
      }),
  };
}
