// Walks the three tables of a set side by side, in the order they are sorted in, and asks the rules of every group. In
// memory are one row group of each table and the sums of one group's rollouts.

import type { AdvantageSpec } from "../advantage-spec.ts";
import { type Broken, checkGroup, type RolloutSums } from "./check-group.ts";
import { type CheckedTurn, RolloutCheck } from "./check-rollout.ts";
import type { GroupTableRow, RolloutTableRow, Table } from "./columns.ts";
import type { Findings } from "./findings.ts";
import type { RowCursor } from "./row-cursor.ts";

/** Which groups and rollouts a dataset has shown so far; a claim has at most 5,000 groups. */
export class SeenIds {
  readonly groups = new Set<string>();
  readonly rollouts = new Set<string>();
  lastGroup = "";
}

export interface SetWalk {
  readonly turns: RowCursor<CheckedTurn>;
  readonly rollouts: RowCursor<RolloutTableRow>;
  readonly groups: RowCursor<GroupTableRow>;
  readonly path: (table: Table) => string;
  readonly spec: AdvantageSpec;
  readonly seen: SeenIds;
  readonly findings: Findings;
}

/** Throws what a cursor throws. */
export async function walkSet(walk: SetWalk): Promise<void> {
  for (;;) {
    const group = await walk.groups.takeIf(() => true);
    if (group === null) {
      break;
    }
    checkGroupId(walk, group);
    await skipStrayRollouts(walk, (row) => row.group_id < group.group_id);
    const rollouts: RolloutSums[] = [];
    for (;;) {
      const row = await walk.rollouts.takeIf(({ group_id }) => group_id === group.group_id);
      if (row === null) {
        break;
      }
      rollouts.push(await walkRollout(walk, row, rollouts.at(-1)?.row));
    }
    report(walk, group.group_id, "groups", checkGroup(walk.spec, group, rollouts));
  }
  await skipStrayRollouts(walk, () => true);
  await skipStrayTurns(walk, () => true);
}

function checkGroupId({ seen, findings, path }: SetWalk, { group_id }: GroupTableRow): void {
  if (seen.groups.has(group_id)) {
    findings.add("rule_5", path("groups"), "the group was there before", { group_id });
  } else if (group_id < seen.lastGroup) {
    findings.add("schema", path("groups"), "the groups are not in the order of their ids", { group_id });
  }
  seen.groups.add(group_id);
  seen.lastGroup = group_id;
}

async function walkRollout(
  walk: SetWalk,
  row: RolloutTableRow,
  before: RolloutTableRow | undefined,
): Promise<RolloutSums> {
  const { seen, findings, path } = walk;
  const { group_id, rollout_id } = row;
  const ids = { group_id, rollout_id };
  if (seen.rollouts.has(rollout_id)) {
    findings.add("rule_5", path("rollouts"), "the rollout was there before", ids);
  }
  seen.rollouts.add(rollout_id);
  if (before !== undefined && compareKeys(before, row) >= 0) {
    findings.add("schema", path("rollouts"), "the rollouts are not in the order of index and attempt", ids);
  }
  // What sorts before this rollout, or has its place under another id, belongs to no rollout of the file.
  await skipStrayTurns(walk, (turn) => turn.rollout_id !== rollout_id && compareKeys(turn, row) <= 0);
  const check = new RolloutCheck(row);
  for (;;) {
    const turn = await walk.turns.takeIf((next) => next.rollout_id === rollout_id);
    if (turn === null) {
      break;
    }
    check.turn(turn);
  }
  const sums = check.end();
  report(walk, group_id, "turns", check.broken);
  return sums;
}

type Key = Pick<RolloutTableRow, "group_id" | "rollout_index" | "rollout_attempt">;

function compareKeys(left: Key, right: Key): number {
  if (left.group_id !== right.group_id) {
    return left.group_id < right.group_id ? -1 : 1;
  }
  return left.rollout_index - right.rollout_index || left.rollout_attempt - right.rollout_attempt;
}

async function skipStrayRollouts(walk: SetWalk, isStray: (row: RolloutTableRow) => boolean): Promise<void> {
  for (;;) {
    const row = await walk.rollouts.takeIf(isStray);
    if (row === null) {
      return;
    }
    walk.findings.add("rule_5", walk.path("rollouts"), "the rollout's group has no row in this set", row);
  }
}

async function skipStrayTurns(walk: SetWalk, isStray: (turn: CheckedTurn) => boolean): Promise<void> {
  for (;;) {
    const turn = await walk.turns.takeIf(isStray);
    if (turn === null) {
      return;
    }
    walk.findings.add("rule_2", walk.path("turns"), `turn ${turn.turn_index} has no row of its rollout`, turn);
  }
}

function report({ findings, path }: SetWalk, groupId: string, table: Table, broken: readonly Broken[]): void {
  for (const { rule, detail, rolloutId } of broken) {
    findings.add(rule, path(table), detail, {
      group_id: groupId,
      ...(rolloutId === undefined ? {} : { rollout_id: rolloutId }),
    });
  }
}
