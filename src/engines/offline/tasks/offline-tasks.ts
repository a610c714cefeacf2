// Seeded tasks over the offline engine's domain with reference answers: about 20, 40 and 40 in a hundred of one,
// two and three parts. Held-out tasks have other wordings, other combinations of kinds and other numbers. The
// planner never sees anything of a task but its query.

import { createRandom, type Random } from "../../../lib/random.ts";
import { type PartKind, partKinds } from "../question/part.ts";
import { joinParts, showNumber } from "./joined-tasks.ts";
import type { PartTask, Split } from "./part-task.ts";
import { partTask } from "./part-tasks.ts";

export interface OfflineTask {
  readonly id: string;
  readonly query: string;
  /** For a target puzzle empty: any right expression counts. */
  readonly answers: readonly string[];
  readonly reward:
    | { readonly kind: "number" | "exact" }
    | { readonly kind: "expression"; readonly numbers: readonly number[]; readonly target: number };
  /** Kinds in the order of the question: what the teacher plans. Not part of any prompt. */
  readonly kinds: readonly PartKind[];
}

/** Combinations that only held-out tasks have. */
const heldOutKinds = new Set([
  "arithmetic+units",
  "days+statistics",
  "units+weekday",
  "arithmetic+days+units",
  "days+statistics+weekday",
  "arithmetic+statistics+units",
]);
const joinable = partKinds.filter((kind) => kind !== "target");

export interface OfflineTasksOptions {
  readonly seed: number;
  readonly count: number;
  readonly split: Split;
}

export function offlineTasks({ seed, count, split }: OfflineTasksOptions): OfflineTask[] {
  return Array.from({ length: count }, (_, index) => {
    const random = createRandom(seed, index * 2 + (split === "train" ? 0 : 1));
    return offlineTask(`${split}-${seed}-${index}`, split, random);
  });
}

function offlineTask(id: string, split: Split, random: Random): OfflineTask {
  const chance = random.next();
  if (chance < 0.2) {
    return singleTask(id, partTask[random.pick(partKinds)](split, random));
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
    if (heldOutKinds.has(kinds.toSorted().join("+")) === (split === "heldout")) {
      return kinds;
    }
  }
}
