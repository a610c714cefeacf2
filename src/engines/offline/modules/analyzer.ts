// The offline engine's query analysis: which kinds of parts it can read in the question, and that it can do
// nothing else. It says what it saw and works nothing out.

import type { Analysis } from "../../module-replies.ts";
import { toolToken } from "../policy/features.ts";
import type { PromptView } from "../prompt-view.ts";
import type { PartKind } from "../question/part.ts";

const skills: Readonly<Record<PartKind, string>> = {
  arithmetic: "arithmetic",
  target: "search for an expression with a given value",
  days: "calendar arithmetic",
  weekday: "weekdays of dates",
  units: "unit conversion",
  statistics: "statistics of a list",
};

export function analyse(view: PromptView): Analysis {
  const question = view.question;
  const kinds = [...new Set(question.parts.map((part) => part.kind))];
  const wanted = kinds.length === 0 ? "base_generator" : "python_coder";
  const relevant = view.tools.filter((tool) => toolToken(tool.name) === wanted).map((tool) => tool.name);
  if (kinds.length === 0) {
    return {
      summary: "I recognise nothing in this question that the offline engine can work out.",
      required_skills: ["a language model"],
      relevant_tools: relevant,
      considerations: "The offline engine has no language model; its domain is in docs/offline-engine.md.",
    };
  }
  const parts = question.parts.map((part) => part.kind).join(", ");
  const joined = question.combination === null ? "" : " Their results must be combined.";
  return {
    summary: `The question has ${question.parts.length} part(s) that I recognise: ${parts}.${joined}`,
    required_skills: kinds.map((kind) => skills[kind]),
    relevant_tools: relevant,
    considerations:
      question.combination === null
        ? "The result of the one part is the answer."
        : "No single part's result is the answer.",
  };
}
