// The query analysis, once per run: what is asked, which skills and tools it takes.

import type { Tool } from "../../tools/tool.ts";
import { elide } from "../memory.ts";
import type { EarlierAnswer } from "../run-spec.ts";
import { dataNotice, type Prompt, toPrompt } from "./prompt.ts";
import { renderToolCards } from "./tool-card.ts";

const system = `
You study a question before a team of agents works on it. You do not answer it.
Say in a sentence or two what is asked and what a complete answer must contain, which skills it takes, which of the
listed tools will help and for what, and what is easy to get wrong. Use only tool names from the list.
${dataNotice}
Reply with one JSON object: {"summary": string, "required_skills": [string], "relevant_tools": [string], "considerations": string}.
`;

export interface AnalyzerInput {
  readonly query: string;
  readonly tools: readonly Tool[];
  readonly history: readonly EarlierAnswer[];
}

export function analyzerPrompt(input: AnalyzerInput): Prompt {
  return toPrompt("analyzer/1", system, [
    ["tools", renderToolCards(input.tools)],
    ["earlier", renderHistory(input.history)],
    ["query", input.query],
  ]);
}

/** Ten earlier exchanges at this length are five thousand tokens at most. */
const maxEarlierChars = 1000;

/** Questions and answers of the same session, oldest first, long ones elided; null where there are none. */
export function renderHistory(history: readonly EarlierAnswer[]): string | null {
  return history.length === 0 ? null : history.map(toLine).join("\n");
}

function toLine({ query, answer }: EarlierAnswer): string {
  return JSON.stringify({ query: elide(query, maxEarlierChars), answer: elide(answer, maxEarlierChars) });
}
