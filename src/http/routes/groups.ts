// Groups of a batch: each rollout's state, reward and advantage, failures included. Read from the ledger, an index that
// lags by moments; once an export has claimed a group, what counts lies in its dataset.

import type { GroupListRow, GroupPage, GroupRolloutRow } from "../../store/groups.ts";
import {
  type AdvantageSpec,
  defaultAdvantageSpec,
  formatAdvantageSpec,
  parseAdvantageSpec,
} from "../../training/advantage-spec.ts";
import { groupNumbers } from "../../training/group-view.ts";
import { isId } from "../../lib/ids.ts";
import { batchNameOf, callBatch, requireBatch } from "../call-batch.ts";
import { notFound } from "../call-session.ts";
import { type App, mount } from "../mount.ts";
import { invalidField } from "../problem.ts";
import { defineRoute, json, noBody, noParams } from "../route.ts";
import { GetGroupQuery, Group, type GroupRollout, ListGroupsQuery } from "../rollout-wire.ts";
import type { Services } from "../services.ts";
import { IdParam, pageOf } from "../wire.ts";

const common = { tag: "Rollouts", method: "get", access: "rollouts", body: noBody } as const;

export const listGroupsRoute = defineRoute({
  ...common,
  id: "listGroups",
  path: "/v1/groups",
  summary: "The groups of a batch, in the order of its tasks",
  params: noParams,
  query: ListGroupsQuery,
  replies: { 200: json("A page of groups.", pageOf(Group)) },
});

export const getGroupRoute = defineRoute({
  ...common,
  id: "getGroup",
  path: "/v1/groups/{id}",
  summary: "The group as it stands",
  params: IdParam,
  query: GetGroupQuery,
  replies: { 200: json("The group.", Group) },
});

function specOf(name: string | undefined): AdvantageSpec {
  const parsed = name === undefined ? null : parseAdvantageSpec(name);
  return parsed?.ok === true ? parsed.value : defaultAdvantageSpec;
}

function statusOf({ closed_at, complete }: GroupListRow): Group["status"] {
  if (closed_at === null) {
    return "open";
  }
  return complete === 1 ? "complete" : "incomplete";
}

function isValid(row: GroupRolloutRow): boolean | null {
  if (row.ended_at === null || (row.reward_pending === 1 && row.invalid_reason === "no_reward")) {
    return null;
  }
  return row.invalid_reason === null;
}

function toRollout(row: GroupRolloutRow, advantage: number | null): GroupRollout {
  const valid = isValid(row);
  const { rollout_index, rollout_attempt, run_id, status, reward, reward_kind, reward_source, turns } = row;
  return {
    rollout_index,
    rollout_attempt,
    run_id,
    status,
    valid,
    invalid_reason: valid === null ? null : row.invalid_reason,
    reward,
    reward_kind,
    reward_source,
    reward_pending: row.reward_pending === 1,
    advantage,
    turns,
  };
}

/** Places of the group without a run: not started yet, or, once the group is closed, never or erased. */
function notStarted(group: GroupListRow, rows: readonly GroupRolloutRow[]): GroupRollout[] {
  const started = new Set(rows.map((row) => row.rollout_index));
  return Array.from({ length: group.size_planned }, (_, rollout_index) => rollout_index)
    .filter((index) => !started.has(index))
    .map((rollout_index) => ({
      rollout_index,
      rollout_attempt: 1,
      run_id: null,
      status: group.closed_at === null ? "queued" : "absent",
      valid: null,
      invalid_reason: null,
      reward: null,
      reward_kind: null,
      reward_source: null,
      reward_pending: false,
      advantage: null,
      turns: null,
    }));
}

function toGroup(row: GroupListRow, rows: readonly GroupRolloutRow[], spec: AdvantageSpec): Group {
  const { group_id: id, task_index: _index, complete: _complete, ...shown } = row;
  const seen = rows.map((rollout) => ({
    rolloutIndex: rollout.rollout_index,
    attempt: rollout.rollout_attempt,
    isValid: isValid(rollout),
    reward: rollout.reward,
    turns: rollout.turns ?? 0,
  }));
  const numbers = groupNumbers(spec, { sizePlanned: row.size_planned, isComplete: row.complete === 1 }, seen);
  const started = rows.map((rollout, index) => toRollout(rollout, numbers.advantages[index] ?? null));
  return {
    id,
    ...shown,
    status: statusOf(row),
    size_valid: numbers.sizeValid,
    reward_mean: numbers.rewardMean,
    zero_variance: numbers.zeroVariance,
    advantage_spec: formatAdvantageSpec(spec),
    rollouts: [...started, ...notStarted(row, rows)].toSorted(
      (left, right) => left.rollout_index - right.rollout_index || left.rollout_attempt - right.rollout_attempt,
    ),
  };
}

function toGroups({ groups, rollouts }: GroupPage, spec: AdvantageSpec): Group[] {
  const byGroup = Map.groupBy(rollouts, (rollout) => rollout.group_id);
  return groups.map((group) => toGroup(group, byGroup.get(group.group_id) ?? [], spec));
}

/** A page's cursor is the number of its last task. */
function afterOf(cursor: string | undefined): number {
  if (cursor !== undefined && !/^\d{1,9}$/.test(cursor)) {
    throw invalidField("invalid_request", "cursor", "invalid_cursor", "Use `next_cursor` of the page before.");
  }
  return cursor === undefined ? -1 : Number(cursor);
}

export function mountGroups(app: App, services: Services): void {
  mount(app, services, listGroupsRoute, async ({ principal, query }) => {
    const found = await services.groups.list({
      tenant: principal.tenant,
      batchId: query.batch_id,
      limit: query.limit,
      after: afterOf(query.cursor),
    });
    if (found.groups.length === 0) {
      // Of a batch that has not started, or of none.
      const name = batchNameOf(principal.tenant, query.batch_id);
      requireBatch(await callBatch(services, name, (batch) => batch.getBatch()));
    }
    const last = found.groups.at(-1);
    const next_cursor = found.hasMore && last !== undefined ? String(last.task_index) : null;
    return Response.json({ data: toGroups(found, specOf(query.advantage_spec)), has_more: found.hasMore, next_cursor });
  });

  mount(app, services, getGroupRoute, async ({ principal, params, query }) => {
    const [group] = isId("grp", params.id)
      ? toGroups(await services.groups.find(principal.tenant, params.id), specOf(query.advantage_spec))
      : [];
    if (group === undefined) {
      throw notFound("group");
    }
    return Response.json(group);
  });
}
