// Groups in D1 with their rollouts, as they are shown: rewards in force, reasons, states. Read only; the batch's object
// writes the groups (batches.ts), each session its run, and the exporter the claim.

import * as z from "zod";
import { inForce, joinRewards } from "./reward-in-force.ts";
import { guardStore } from "./store-fault.ts";

export const GroupListRow = z.object({
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
export type GroupListRow = z.infer<typeof GroupListRow>;

export const GroupRolloutRow = z.object({
  group_id: z.string(),
  run_id: z.string(),
  rollout_index: z.int(),
  rollout_attempt: z.int(),
  status: z.string(),
  ended_at: z.string().nullable(),
  turns: z.int().nullable(),
  reward: z.number().nullable(),
  reward_kind: z.string().nullable(),
  reward_source: z.string().nullable(),
  reward_pending: z.int(),
  /** As the claim would see it: a reward that is still owed counts as none. */
  invalid_reason: z.string().nullable(),
});
export type GroupRolloutRow = z.infer<typeof GroupRolloutRow>;

export interface GroupPage {
  readonly groups: GroupListRow[];
  /** Of these groups, by index and attempt. */
  readonly rollouts: GroupRolloutRow[];
  readonly hasMore: boolean;
}

/** All methods throw StoreFault (`ledger_unavailable`) when D1 fails. */
export interface GroupStore {
  /** In the order of the tasks, from the one after `after` (-1 = from the first). */
  list(query: { tenant: string; batchId: string; limit: number; after: number }): Promise<GroupPage>;
  find(tenant: string, groupId: string): Promise<GroupPage>;
}

const columns = Object.keys(GroupListRow.shape).join(", ");

const selectRollouts = `
  SELECT runs.group_id, runs.run_id, runs.rollout_index, runs.rollout_attempt, runs.status, runs.ended_at, runs.turns,
    ${inForce.reward} AS reward, ${inForce.reward_kind} AS reward_kind, ${inForce.reward_source} AS reward_source,
    runs.reward_pending, ${inForce.invalid_reason} AS invalid_reason
  FROM runs ${joinRewards}
  WHERE runs.group_id IN (SELECT value FROM json_each(?1)) AND runs.tenant = ?2
  ORDER BY runs.group_id, runs.rollout_index, runs.rollout_attempt`;

export function createGroupStore(db: D1Database): GroupStore {
  async function withRollouts(tenant: string, found: GroupListRow[], limit: number): Promise<GroupPage> {
    const groups = found.slice(0, limit);
    const ids = JSON.stringify(groups.map((group) => group.group_id));
    const { results } = await db.prepare(selectRollouts).bind(ids, tenant).all();
    const rollouts = results.map((row) => GroupRolloutRow.parse(row));
    return { groups, rollouts, hasMore: found.length > limit };
  }

  return {
    list: ({ tenant, batchId, limit, after }) =>
      guardStore("ledger_unavailable", async () => {
        const { results } = await db
          .prepare(
            `SELECT ${columns} FROM groups WHERE tenant = ?1 AND batch_id = ?2 AND task_index > ?3
             ORDER BY task_index LIMIT ?4`,
          )
          // One more than asked tells whether there is another page.
          .bind(tenant, batchId, after, limit + 1)
          .all();
        const found = results.map((row) => GroupListRow.parse(row));
        return withRollouts(tenant, found, limit);
      }),
    find: (tenant, groupId) =>
      guardStore("ledger_unavailable", async () => {
        const query = `SELECT ${columns} FROM groups WHERE group_id = ?1 AND tenant = ?2`;
        const { results } = await db.prepare(query).bind(groupId, tenant).all();
        const found = results.map((row) => GroupListRow.parse(row));
        return withRollouts(tenant, found, 1);
      }),
  };
}
