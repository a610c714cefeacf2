// Groups of a batch: each rollout's state, reward and advantage, failures included. Read from the ledger, an index that
// lags by moments; of a group that an export has claimed it is what the claim froze.

import type { GroupListRow, GroupPage, GroupRolloutRow } from "../../store/groups.ts";
import {
  type AdvantageSpec,
  defaultAdvantageSpec,
  formatAdvantageSpec,
  parseAdvantageSpec,
} from "../../training/advantage-spec.ts";
import { compareRollouts } from "../../training/dataset/claimed-group.ts";
import type { GroupTerms } from "../../training/dataset/derive-group.ts";
import { groupNumbers, type SeenRollout } from "../../training/group-view.ts";
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

/** The one asked for, else that of the claim. */
function specOf(name: string | undefined, { claim }: GroupListRow): AdvantageSpec {
  const wanted = name ?? claim?.advantage_spec;
  const parsed = wanted === undefined ? null : parseAdvantageSpec(wanted);
  return parsed?.ok === true ? parsed.value : defaultAdvantageSpec;
}

function statusOf({ closed_at, complete }: GroupListRow): Group["status"] {
  if (closed_at === null) {
    return "open";
  }
  return complete === 1 ? "complete" : "incomplete";
}

interface Shown extends SeenRollout {
  readonly row: GroupRolloutRow;
}

function toShown(row: GroupRolloutRow): Shown {
  return { row, rollout: row, reason: row.invalid_reason, isOpen: row.is_open, reward: row.reward, turns: row.turns };
}

function toRollout({ row, isOpen, reason, advantage }: Shown & { readonly advantage: number | null }): GroupRollout {
  const { group_id: _group, is_open: _open, invalid_reason: _reason, ...shown } = row;
  return { ...shown, valid: isOpen ? null : reason === null, invalid_reason: isOpen ? null : reason, advantage };
}

function termsOf({ claim }: GroupListRow): GroupTerms | null {
  if (claim === null) {
    return null;
  }
  const { min_valid: minValid, allow_partial: allowPartial, max_staleness: maxStaleness } = claim.options;
  return { minValid, allowPartial, maxStaleness, policyStep: claim.policy_step };
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

function toGroup(row: GroupListRow, rows: readonly GroupRolloutRow[], specName: string | undefined): Group {
  const { group_id: id, task_index: _index, complete, claim: _claim, ...shown } = row;
  const spec = specOf(specName, row);
  const seen = {
    isClosed: row.closed_at !== null,
    complete: complete === 1,
    size_planned: row.size_planned,
    policy_step: row.policy_step,
    isQuarantined: row.quarantine_reason !== null,
  };
  const numbers = groupNumbers(spec, seen, termsOf(row), rows.map(toShown));
  return {
    id,
    ...shown,
    status: statusOf(row),
    size_valid: numbers.sizeValid,
    reward_mean: numbers.rewardMean,
    zero_variance: numbers.zeroVariance,
    reason: numbers.reason,
    advantage_spec: formatAdvantageSpec(spec),
    rollouts: [...numbers.rollouts.map(toRollout), ...notStarted(row, rows)].toSorted(compareRollouts),
  };
}

function toGroups({ groups, rollouts }: GroupPage, specName: string | undefined): Group[] {
  const byGroup = Map.groupBy(rollouts, (rollout) => rollout.group_id);
  return groups.map((group) => toGroup(group, byGroup.get(group.group_id) ?? [], specName));
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
    return Response.json({ data: toGroups(found, query.advantage_spec), has_more: found.hasMore, next_cursor });
  });

  mount(app, services, getGroupRoute, async ({ principal, params, query }) => {
    const [group] = isId("grp", params.id)
      ? toGroups(await services.groups.find(principal.tenant, params.id), query.advantage_spec)
      : [];
    if (group === undefined) {
      throw notFound("group");
    }
    return Response.json(group);
  });
}
