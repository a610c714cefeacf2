// Why a part of a question could not be worked out, in plain words, from the last line of what its program raised. A
// part whose program failed leaves no answer, whatever was combined without it; a program of the wrong kind says nothing.

import type { TurnView } from "../prompt-view.ts";
import type { ReadQuestion } from "../question/read-question.ts";
import { readSubGoal } from "./sub-goals.ts";

/** Null where no part of the question failed for a reason of its own. */
export function failureReason(question: ReadQuestion, memory: readonly TurnView[]): string | null {
  const done = new Set(
    memory.flatMap((turn) => turn.results.flatMap((part) => (part.of === "part" ? [part.kind] : []))),
  );
  const reasons = memory.flatMap((turn) => {
    const kind = readSubGoal(turn.subGoal ?? "")?.kind;
    const own = question.parts.find((part) => part.kind === kind);
    return own === undefined || done.has(own.kind) ? [] : (plainReason(turn.failure ?? "") ?? []);
  });
  return reasons.at(-1) ?? null;
}

function plainReason(failure: string): string | null {
  const [, name, text = ""] = failure.match(/\b([A-Z][A-Za-z]{0,40}Error)\b(?:: (.{0,300}))?/) ?? [];
  switch (name) {
    case undefined:
    case "LookupError":
      return null;
    case "ZeroDivisionError":
      return "division by zero";
    case "OverflowError":
    case "ValueError":
      return text === "" ? "a value is out of range" : text.replace(/\.$/, "");
    default:
      return `the program failed with ${name}`;
  }
}
