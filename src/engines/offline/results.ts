// The lines in which the offline engine's programs print their results: "<kind> <rank> = <value>" for a part of
// the question, "answer = <value>" for the whole. Planner, verifier and generator read results only here.

import { type PartKind, partKinds } from "./question/part.ts";

export interface PartResult {
  readonly of: "part";
  readonly kind: PartKind;
  /** From 1, among the parts of its kind. */
  readonly rank: number;
  readonly value: string;
}

export interface AnswerResult {
  readonly of: "answer";
  readonly value: string;
}

export type Result = PartResult | AnswerResult;

const line = /^([a-z]{1,12})(?: (\d{1,2}))? = (\S.{0,1999})$/gm;

export function readResults(text: string): Result[] {
  const results: Result[] = [];
  for (const [, label, rank, found] of text.matchAll(line)) {
    const kind = partKinds.find((name) => name === label);
    const value = (found ?? "").trim();
    if (kind !== undefined && rank !== undefined) {
      results.push({ of: "part", kind, rank: Number(rank), value });
    } else if (label === "answer" && rank === undefined) {
      results.push({ of: "answer", value });
    }
  }
  return results;
}

export function resultLabel(result: Result): string {
  return result.of === "part" ? `${result.kind} ${result.rank}` : "answer";
}

export function renderResult(result: Result): string {
  return `${resultLabel(result)} = ${result.value}`;
}

/** One result a label, the newest value, in the order in which the labels came up. */
export function latestResults(results: readonly Result[]): Result[] {
  return [...new Map(results.map((result) => [resultLabel(result), result])).values()];
}
