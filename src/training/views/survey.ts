// The first pass of an RL view: which rows it will take, what is left out and why, and the totals that Eq. 5's fold
// needs. Its memory is a row group and the ids of groups that are left out, whatever the dataset's size.

import type { RawRow } from "../dataset/read-table.ts";
import type { RowSource } from "./row-source.ts";
import { type Include, type LeftOutReason, reasonToLeaveOut, RlCandidate } from "./rl-row.ts";

export interface Survey {
  /** Rows that the view takes. */
  readonly rows: number;
  /** Sampled tokens of those rows: the denominator of a trainer's token mean. */
  readonly tokens: number;
  /** B: groups with advantages, zero-variance ones and those without a row that is taken included. */
  readonly groups: number;
  readonly leftOut: Readonly<Partial<Record<LeftOutReason, number>>>;
  readonly leftOutGroups: ReadonlySet<string>;
}

export interface SurveyOptions {
  readonly include: Include;
  /**
   * `whole`: verl computes the advantages again, from the rows it is given. A group is left out unless at least two
   * rollouts are valid and each has a row that is taken; verl would find another baseline.
   */
  readonly groups: "any" | "whole";
}

interface GroupSoFar {
  readonly id: string;
  hasAdvantages: boolean;
  rows: number;
  tokens: number;
  readonly valid: Set<number>;
  readonly taken: Set<number>;
}

const columns = Object.keys(RlCandidate.shape);

export async function survey(source: RowSource, options: SurveyOptions): Promise<Survey> {
  const tally = createTally(options);
  let group: GroupSoFar | null = null;
  for await (const rows of source.rowGroups("turns", columns)) {
    for (const row of rows) {
      const candidate = RlCandidate.parse(row);
      // A group's rows lie together.
      if (group === null || group.id !== candidate.group_id) {
        tally.close(group);
        group = openGroup(candidate.group_id);
      }
      tally.add(group, candidate);
    }
  }
  tally.close(group);
  return tally.survey();
}

function openGroup(id: string): GroupSoFar {
  return { id, hasAdvantages: false, rows: 0, tokens: 0, valid: new Set(), taken: new Set() };
}

function createTally(options: SurveyOptions) {
  const leftOut: Partial<Record<LeftOutReason, number>> = {};
  const leftOutGroups = new Set<string>();
  const total = { rows: 0, tokens: 0, groups: 0 };
  const count = (reason: LeftOutReason, rows: number): void => {
    leftOut[reason] = (leftOut[reason] ?? 0) + rows;
  };

  return {
    add(group: GroupSoFar, row: RlCandidate): void {
      group.hasAdvantages ||= row.advantage !== null;
      if (row.valid) {
        group.valid.add(row.rollout_index);
      }
      const reason = reasonToLeaveOut(row, options.include);
      if (reason !== null) {
        count(reason, 1);
        return;
      }
      group.taken.add(row.rollout_index);
      group.rows += 1;
      group.tokens += tokensOf(row);
    },

    close(group: GroupSoFar | null): void {
      if (group === null) {
        return;
      }
      total.groups += group.hasAdvantages ? 1 : 0;
      const isWhole = group.valid.size > 1 && group.taken.size === group.valid.size;
      if (options.groups === "whole" && group.rows > 0 && !isWhole) {
        count("group_not_whole", group.rows);
        leftOutGroups.add(group.id);
        return;
      }
      total.rows += group.rows;
      total.tokens += group.tokens;
    },

    survey: (): Survey => ({ ...total, leftOut, leftOutGroups }),
  };
}

export function tokensOf(row: { readonly response_mask: readonly number[] | null }): number {
  return (row.response_mask ?? []).reduce((sum, one) => sum + one, 0);
}

/** The candidate of a row that the survey took; null for one that it left out. */
export function isTaken(row: RawRow, { leftOutGroups }: Survey, include: Include): boolean {
  const candidate = RlCandidate.parse(row);
  return reasonToLeaveOut(candidate, include) === null && !leftOutGroups.has(candidate.group_id);
}
