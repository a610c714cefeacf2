// The offline verifier: reads what the step printed and judges by the question's words, without a reference and
// without counting results. So it catches failures, bare parts and wrong kinds of values, and it can be fooled by a
// plausible number.

import type { Verdict } from "../../module-replies.ts";
import { reachesTarget } from "../expression.ts";
import type { PromptView, TurnView } from "../prompt-view.ts";
import type { Part } from "../question/part.ts";
import type { ReadQuestion } from "../question/read-question.ts";
import { latestResults, type Result } from "../results.ts";
import { failureReason } from "./failure-reason.ts";
import { saysNoModel } from "./no-model.ts";

const stop = (analysis: string): Verdict => ({ analysis, conclusion: "stop" });
const go = (analysis: string): Verdict => ({ analysis, conclusion: "continue" });

export function verify(view: PromptView): Verdict {
  const question = view.question;
  if (question.parts.length === 0) {
    const reason = question.unread === null ? "" : ` It cannot read "${question.unread}".`;
    return stop(`The question is outside what the offline engine can work out; further turns would not help.${reason}`);
  }
  const step = view.step;
  if (step !== null && saysNoModel(step)) {
    return stop("The tool says that there is no model; asking it again would not help.");
  }
  const reason = step?.failed === true ? failureReason(question, [step]) : null;
  if (reason !== null) {
    return stop(`A part of the question cannot be worked out: ${reason}. Its program would fail the same way again.`);
  }
  const verdict = judgeStep(question, step);
  return verdict.conclusion === "continue" && isStuck(view)
    ? stop(`${verdict.analysis} The same command had the same outcome before; further turns would not help.`)
    : verdict;
}

/** Twice in a row for a failure, three times for a result that is not yet the answer. */
function isStuck({ step, memory }: PromptView): boolean {
  const isSame = (turn: TurnView | undefined) =>
    step !== null &&
    turn !== undefined &&
    turn.tool === step.tool &&
    turn.command === step.command &&
    turn.printed === step.printed &&
    turn.failure === step.failure;
  const useless = step !== null && (step.failed || step.results.length === 0);
  return isSame(memory.at(-1)) && (useless || isSame(memory.at(-2)));
}

function judgeStep(question: ReadQuestion, step: TurnView | null): Verdict {
  if (step === null || step.failed) {
    return go(`The step failed: ${step?.failure ?? "it has no result"}.`);
  }
  const results = latestResults(step.results);
  const answer =
    results.find((result) => result.of === "answer") ?? (question.combination === null ? results.at(-1) : undefined);
  if (answer === undefined) {
    return go(
      results.length === 0
        ? "The step printed no result."
        : "A part is worked out, but the question asks for more than this part.",
    );
  }
  return judge(question, answer);
}

function judge(question: ReadQuestion, answer: Result): Verdict {
  const [only] = question.parts;
  if (question.combination?.how === "list") {
    return stop(`The step gives the asked results one after the other: ${answer.value}.`);
  }
  const fits = question.combination !== null || only === undefined ? isNumber(answer.value) : fitsPart(only, answer);
  return fits
    ? stop(`The step gives ${answer.value}, which is of the kind that the question asks for.`)
    : go(`The step gives ${answer.value}, which cannot be the answer to this question.`);
}

/** A wrong expression is seen by working it out; that there is none is believed of the exhaustive search alone. */
function fitsPart(part: Part, answer: Result): boolean {
  if (part.kind === "target") {
    const none = answer.of === "part" && answer.value === `no expression reaches ${part.target}`;
    return none || reachesTarget(answer.value, part.numbers, part.target);
  }
  if (part.kind === "weekday" && !part.asNumber) {
    return /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day$/.test(answer.value);
  }
  if (part.kind === "days" && part.form === "shift") {
    return /^\d{4}-\d\d-\d\d$/.test(answer.value);
  }
  // A mode may be several numbers.
  return part.kind === "statistics" && part.measure === "mode"
    ? answer.value.split(", ").every(isNumber)
    : isNumber(answer.value);
}

function isNumber(text: string): boolean {
  return /^-?\d{1,2000}(?:\.\d{1,30})?(?:e[+-]?\d{1,4})?$/.test(text);
}

/** For the generator: the newest answer that a step was stopped at, else the newest answer of any step. */
export function acceptedAnswer(question: ReadQuestion, memory: readonly TurnView[]): Result | null {
  const stopped = memory.findLast((turn) => turn.stopped && turn.results.length > 0);
  const results = latestResults((stopped === undefined ? memory : [stopped]).flatMap((turn) => turn.results));
  const whole = results.findLast((result) => result.of === "answer");
  return whole ?? (question.combination === null ? (results.at(-1) ?? null) : null);
}
