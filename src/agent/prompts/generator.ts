// The generator: o ~ G(o | q, M). Three kinds of output: `direct` is the concise answer, `final` the full
// solution, `base` what the bare model says without tools or memory.

import { unreachable } from "../../lib/unreachable.ts";
import { type MemoryEntry, renderMemory } from "../memory.ts";
import type { IncompleteReason } from "../events.ts";
import type { Analysis } from "../../engines/module-replies.ts";
import type { EarlierAnswer, OutputKind } from "../run-spec.ts";
import { renderHistory } from "./analyzer.ts";
import { dataNotice, type Prompt, toPrompt } from "./prompt.ts";

const grounding = `
Ground the answer in the results of the memory; where they do not settle the question, say what is missing instead of guessing.
${dataNotice}
`;

const direct = `
You answer a question from what a team of agents found out. The memory holds their turns, one JSON object each.
Give the answer itself, as short as the question allows: a name, a number, a date, an expression, a sentence at most.
No introduction, no explanation.
${grounding}`;

const final = `
You write the full solution of a question from what a team of agents found out. The memory holds their turns, one JSON
object each. Say how the result came about, step by step, with the facts and figures of the memory and where they are
from, and end with the answer on a line of its own.
${grounding}`;

const base = `Answer the question.`;

export interface GeneratorInput {
  readonly kind: OutputKind;
  readonly query: string;
  /** Null where the run ended before its analysis. */
  readonly analysis: Analysis | null;
  readonly memory: readonly MemoryEntry[];
  readonly history: readonly EarlierAnswer[];
  /** Why the loop ended early; null after a `stop`. */
  readonly reason: IncompleteReason | null;
}

export function generatorPrompt(input: GeneratorInput): Prompt {
  switch (input.kind) {
    case "direct":
      return fromMemory("generator-direct/1", direct, input);
    case "final":
      return fromMemory("generator-final/1", final, input);
    case "base":
      return toPrompt("generator-base/1", base, [["query", input.query]]);
    default:
      return unreachable(input.kind);
  }
}

function fromMemory(version: string, system: string, input: GeneratorInput): Prompt {
  return toPrompt(version, system, [
    ["earlier", renderHistory(input.history)],
    ["query", input.query],
    ["analysis", input.analysis === null ? null : JSON.stringify(input.analysis)],
    ["memory", renderMemory(input.memory)],
    ["ended_early", input.reason === null ? null : `The team had to stop: ${input.reason}.`],
  ]);
}
