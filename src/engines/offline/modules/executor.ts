// The offline executor: writes the tool's call from sub-goal, context and query. For Python it writes a program;
// for other tools it fills the arguments from their schema as best it can. It sees no memory but the context.

import type { Command } from "../../module-replies.ts";
import { unreachable } from "../../../lib/unreachable.ts";
import { toolToken } from "../policy/features.ts";
import { combineProgram, guessProgram, restateProgram } from "../programs/answer-program.ts";
import { partProgram } from "../programs/part-program.ts";
import type { PromptView } from "../prompt-view.ts";
import { readLoosely } from "../question/read-question.ts";
import { type PartResult, readResults } from "../results.ts";
import { readSubGoal, type SubGoal } from "./sub-goals.ts";
import { fillArguments } from "./tool-arguments.ts";

export function command(view: PromptView): Command {
  const tool = view.tool;
  if (tool === null || toolToken(tool.name) !== "python_coder") {
    return {
      analysis: "The tool is given the question as it stands.",
      calls: [{ arguments: fillArguments(tool?.parameters ?? {}, view.query) }],
    };
  }
  const subGoal = readSubGoal(view.subGoal);
  const known = readResults(view.context).filter((result): result is PartResult => result.of === "part");
  const code = subGoal === null ? freeProgram(view, known) : programFor(subGoal, view, known);
  return { analysis: "A Python program for the sub-goal.", calls: [{ arguments: { code } }] };
}

function programFor(
  { kind, argument }: SubGoal,
  { query, question }: PromptView,
  known: readonly PartResult[],
): string {
  switch (kind) {
    case "combine":
      return combineProgram(question, known);
    case "guess":
      return guessProgram(query, question);
    case "restate":
      return restateProgram(query);
    case "arithmetic":
    case "target":
    case "days":
    case "weekday":
    case "units":
    case "statistics":
      return partProgram(question, kind, argument ?? "all");
    default:
      return unreachable(kind);
  }
}

/** A sub-goal in other words, from a planner that is a model: read it as a question, else take what the query lacks. */
function freeProgram(view: PromptView, known: readonly PartResult[]): string {
  const own = readLoosely(view.subGoal);
  const asked = own.parts.length === 0 ? view.question : own;
  const missing = asked.parts.find((part) => !known.some((result) => result.kind === part.kind)) ?? null;
  return missing === null ? combineProgram(asked, known) : partProgram(asked, missing.kind, "all");
}
