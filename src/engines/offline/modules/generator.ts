// The offline generator: phrases what the memory holds. `direct` is the bare answer, `final` a walk through the
// turns, `base` says that there is no model. It works nothing out and adds nothing to the results.

import type { PromptView, TurnView } from "../prompt-view.ts";
import { latestResults, renderResult } from "../results.ts";
import { failureReason } from "./failure-reason.ts";
import { noModel, saysNoModel } from "./no-model.ts";
import { acceptedAnswer } from "./verifier.ts";

export type GeneratorKind = "direct" | "final" | "base";

/** Only the prompt's instructions tell the kinds apart, as they do for a model; a prompt without memory is `base`. */
export function generatorKind(view: PromptView, hasMemory: boolean): GeneratorKind {
  if (!hasMemory) {
    return "base";
  }
  return /full solution|step by step/i.test(view.system) ? "final" : "direct";
}

export function answer(view: PromptView, kind: GeneratorKind): string {
  if (kind === "base") {
    return noModel;
  }
  const short = shortAnswer(view);
  return kind === "direct"
    ? short
    : `${walk(view.memory)}\n\n${view.memory.length === 0 ? short : `Answer: ${short}`}`.trim();
}

function shortAnswer(view: PromptView): string {
  const question = view.question;
  if (question.parts.length === 0) {
    return question.unread === null ? noModel : `${noModel} I could not read "${question.unread}" in the question.`;
  }
  const reason = failureReason(question, view.memory);
  if (reason !== null) {
    return `I could not work this out: ${reason}.`;
  }
  const found = acceptedAnswer(question, view.memory);
  if (found !== null) {
    return found.value;
  }
  const known = latestResults(view.memory.flatMap((turn) => turn.results)).map(renderResult);
  if (known.length === 0 && view.memory.some(saysNoModel)) {
    return noModel;
  }
  return known.length === 0
    ? "I could not work this out: no step gave a result."
    : `I could not finish this. Worked out so far: ${known.join(", ")}.`;
}

function walk(memory: readonly TurnView[]): string {
  return memory.map((turn, index) => `${index + 1}. ${turn.subGoal ?? "No plan."} ${outcomeOf(turn)}`).join("\n");
}

function outcomeOf(turn: TurnView): string {
  const tool = turn.tool ?? "no tool";
  if (turn.failed) {
    return `With ${tool} this failed: ${turn.failure ?? "no result"}.`;
  }
  const results = turn.results.map(renderResult).join(", ");
  return results === "" ? `${tool} gave no result that I can use.` : `${tool} gave ${results}.`;
}
