// The views of a dataset: what was asked for becomes a count of what is left out, known before the first line, and
// the lines themselves, made as they are read.

import { unreachable } from "../../lib/unreachable.ts";
import type { Table } from "../dataset/columns.ts";
import type { RawRow } from "../dataset/read-table.ts";
import type { RowSource } from "./row-source.ts";
import type { Fold } from "./fold.ts";
import { type Include, type LeftOutReason, RlCandidateRow, RlRow } from "./rl-row.ts";
import { reasonAgainstTuning, SftCandidate, toSftRow } from "./sft-row.ts";
import { isTaken, type Survey, survey } from "./survey.ts";
import { createTrlRows } from "./trl-row.ts";
import { toVerlRow } from "./verl-row.ts";

export type ViewRequest =
  | { readonly view: "jsonl"; readonly table: Table }
  | { readonly view: "verl"; readonly include: Include }
  | { readonly view: "trl"; readonly include: Include; readonly fold: Fold | null }
  | { readonly view: "sft"; readonly minReward: number };

export interface View {
  readonly leftOut: Readonly<Partial<Record<LeftOutReason, number>>>;
  /** JSON values, one a line, a row group's worth at a time. */
  readonly rows: AsyncGenerator<Iterable<unknown>>;
}

/** Reads the dataset once before it resolves, unless nothing can be left out. */
export async function openView(source: RowSource, request: ViewRequest): Promise<View> {
  switch (request.view) {
    case "jsonl":
      return { leftOut: {}, rows: source.rowGroups(request.table) };
    case "verl": {
      const found = await survey(source, { include: request.include, groups: "whole" });
      return { leftOut: found.leftOut, rows: rlRows(source, found, request.include, toVerlRow) };
    }
    case "trl": {
      const found = await survey(source, { include: request.include, groups: "any" });
      const rows = rlRows(source, found, request.include, createTrlRows(found, request.fold));
      return { leftOut: found.leftOut, rows };
    }
    case "sft":
      return { leftOut: await leftOutOfTuning(source, request.minReward), rows: sftRows(source, request.minReward) };
    default:
      return unreachable(request);
  }
}

const rlColumns = Object.keys(RlCandidateRow.shape);

async function* rlRows<T>(
  source: RowSource,
  found: Survey,
  include: Include,
  toLine: (row: RlRow) => T,
): AsyncGenerator<Iterable<T>> {
  for await (const rows of source.rowGroups("turns", rlColumns)) {
    yield mapTaken(
      rows,
      (row) => isTaken(row, found, include),
      (row) => toLine(RlRow.parse(row)),
    );
  }
}

/** Line by line, so that a row group's lines never stand beside each other. */
function* mapTaken<T>(rows: readonly RawRow[], isWanted: (row: RawRow) => boolean, map: (row: RawRow) => T) {
  for (const row of rows) {
    if (isWanted(row)) {
      yield map(row);
    }
  }
}

const Outcome = SftCandidate.pick({ valid: true, reward: true });

async function leftOutOfTuning(source: RowSource, minReward: number): Promise<View["leftOut"]> {
  const leftOut: Partial<Record<LeftOutReason, number>> = {};
  for await (const rows of source.rowGroups("turns", Object.keys(Outcome.shape))) {
    for (const row of rows) {
      const reason = reasonAgainstTuning(Outcome.parse(row), minReward);
      if (reason !== null) {
        leftOut[reason] = (leftOut[reason] ?? 0) + 1;
      }
    }
  }
  return leftOut;
}

async function* sftRows(source: RowSource, minReward: number): AsyncGenerator<Iterable<unknown>> {
  const isWanted = (row: RawRow) => reasonAgainstTuning(Outcome.parse(row), minReward) === null;
  for await (const rows of source.rowGroups("turns", Object.keys(SftCandidate.shape))) {
    yield mapTaken(rows, isWanted, (row) => toSftRow(SftCandidate.parse(row)));
  }
}
