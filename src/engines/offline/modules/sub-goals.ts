// The sentences in which the offline planner states its sub-goals, and their way back: its executor recognises
// them by their text, as a model would, and so do the features that tell what failed before.

import { type OfflinePlan, type PlanArgument, type PlanKind, planArguments, planKinds } from "../policy/grammar.ts";

const sentences: Readonly<Record<PlanKind, string>> = {
  arithmetic: "Work out the arithmetic that the question asks for.",
  target: "Find an expression of the given numbers that reaches the target.",
  days: "Work out the days between dates, or the date that the question describes.",
  weekday: "Find the weekday of the date in the question.",
  units: "Convert the quantity in the question to the other unit.",
  statistics: "Work out the statistic of the numbers that the question lists.",
  combine: "Combine the known results into the answer, as the question says.",
  guess: "Guess the answer to the question.",
  restate: "Say the question again in order to understand it.",
};

const endings: Readonly<Record<PlanArgument, string>> = {
  first: " Do the first one only.",
  last: " Do the last one only.",
};

export interface SubGoal {
  readonly kind: PlanKind;
  readonly argument: PlanArgument | null;
}

export function toSubGoal(kind: PlanKind, argument: PlanArgument | null): string {
  return sentences[kind] + (argument === null ? "" : endings[argument]);
}

const bySentence = new Map<string, SubGoal>(
  planKinds.flatMap((kind) =>
    [null, ...planArguments].map((argument): [string, SubGoal] => [toSubGoal(kind, argument), { kind, argument }]),
  ),
);

/** Null where the sentence is not one of ours, e.g. a hosted planner's. */
export function readSubGoal(text: string): SubGoal | null {
  return bySentence.get(text.trim()) ?? null;
}

/** What a plan without a kind asks of its tool. */
export const askTool = "Answer the question.";

export function subGoalOf(plan: OfflinePlan): string {
  return plan.kind === null ? askTool : toSubGoal(plan.kind, plan.argument);
}
