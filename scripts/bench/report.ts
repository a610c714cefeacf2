// What a section hands back: its lines for people, and the promises it measured with the target of each.

import { table } from "./numbers.ts";

export interface Verdict {
  readonly promise: string;
  readonly target: string;
  readonly reached: string;
  /** Null: for information, without a target. */
  readonly kept: boolean | null;
}

export interface Section {
  readonly title: string;
  readonly text: string;
  readonly verdicts: readonly Verdict[];
}

export function printSection({ title, text }: Section): void {
  console.log(`\n${title}\n${text}`);
}

export function printVerdicts(verdicts: readonly Verdict[]): void {
  const rows = verdicts.map(({ promise, target, reached, kept }) => [
    promise,
    target,
    reached,
    kept === null ? "" : kept ? "pass" : "MISS",
  ]);
  console.log(`\nPromises of DESIGN section 8\n${table([["promise", "target", "reached", ""], ...rows])}`);
}
