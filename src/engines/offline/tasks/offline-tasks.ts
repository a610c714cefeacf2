// Seeded tasks over the offline engine's domain with reference answers: about 20, 40 and 40 in a hundred of one,
// two and three parts. Validation and held-out tasks have other wordings, other combinations of kinds and other
// numbers than training's. What failed on validation tasks was looked at while features and training were made; held-out
// wordings were written afterwards and are only examined. The planner never sees anything of a task but its query.

import { createRandom, type Random } from "../../../lib/random.ts";
import { type PartKind, partKinds } from "../question/part.ts";
import { aloneTask } from "./alone-tasks.ts";
import { numberTask, puzzleTask } from "./bound-tasks.ts";
import { joinParts, showNumber } from "./joined-tasks.ts";
import { type PartTask, type Split, splits } from "./part-task.ts";
import { partTask } from "./part-tasks.ts";

export interface OfflineTask {
  readonly id: string;
  readonly query: string;
  /** Empty where a puzzle is asked: any right expression counts. */
  readonly answers: readonly string[];
  readonly reward:
    | { readonly kind: "number" | "exact" }
    | { readonly kind: "regex"; readonly pattern: string }
    | { readonly kind: "expression"; readonly numbers: readonly number[]; readonly target: number };
  /** In the order of the question. Not part of any prompt. */
  readonly kinds: readonly PartKind[];
}

/** Combinations that no training task has, and every other task of several parts. */
const untrainedKinds = new Set([
  "arithmetic+units",
  "days+statistics",
  "units+weekday",
  "arithmetic+days+weekday",
  "arithmetic+statistics+weekday",
]);
const joinable = partKinds.filter((kind) => kind !== "target");

export interface OfflineTasksOptions {
  readonly seed: number;
  readonly count: number;
  readonly split: Split;
}

export function offlineTasks({ seed, count, split }: OfflineTasksOptions): OfflineTask[] {
  return Array.from({ length: count }, (_, index) => {
    const random = createRandom(seed, index * splits.length + splits.indexOf(split));
    return offlineTask(`${split}-${seed}-${index}`, split, random);
  });
}

/** Of the training's tasks with one part: short wordings, and parts bound to a number. Of those with two: a puzzle. */
const shares = { alone: 0.35, number: 0.2, puzzle: 0.1 };

function offlineTask(id: string, split: Split, random: Random): OfflineTask {
  const chance = random.next();
  const form = split === "train" ? random.next() : 1;
  if (chance < 0.2) {
    return form < shares.alone + shares.number
      ? rareTask(id, form, random)
      : singleTask(id, partTask[random.pick(partKinds)](split, random));
  }
  if (chance < 0.6 && form < shares.puzzle) {
    const { query, kinds, pattern } = puzzleTask(random);
    return { id, query, answers: [], reward: { kind: "regex", pattern }, kinds };
  }
  const kinds = pickKinds(chance < 0.6 ? 2 : 3, split, random);
  const parts = kinds.map((kind) => partTask[kind](split, random));
  const joined = joinParts(parts, split, random);
  return {
    id,
    query: joined.query,
    answers: [joined.answer],
    reward: { kind: joined.exact ? "exact" : "number" },
    kinds,
  };
}

function rareTask(id: string, form: number, random: Random): OfflineTask {
  const { kind, query, value } = form < shares.alone ? aloneTask(random) : numberTask(random);
  return singleTask(id, { kind, ask: query, noun: query, value });
}

function singleTask(id: string, part: PartTask): OfflineTask {
  const { value, puzzle } = part;
  const reward =
    puzzle === undefined
      ? ({ kind: typeof value === "number" ? "number" : "exact" } as const)
      : ({ kind: "expression", ...puzzle } as const);
  const answers = value === null ? [] : [typeof value === "number" ? showNumber(value) : value];
  return { id, query: part.ask, answers, reward, kinds: [part.kind] };
}

/** Different kinds, in random order, of a combination that belongs to the split. */
function pickKinds(count: number, split: Split, random: Random): PartKind[] {
  for (;;) {
    const kinds: PartKind[] = [];
    while (kinds.length < count) {
      const kind = random.pick(joinable);
      if (!kinds.includes(kind)) {
        kinds.push(kind);
      }
    }
    if (untrainedKinds.has(kinds.toSorted().join("+")) === (split !== "train")) {
      return kinds;
    }
  }
}
