// The verifier: is the last execution valid, and is memory enough to answer? It has no reference answer.

import { type MemoryEntry, renderMemory } from "../memory.ts";
import type { Analysis } from "../../engines/module-replies.ts";
import { dataNotice, type Prompt, toPrompt } from "./prompt.ts";

const system = `
You check the work of a team that answers a question step by step. The memory holds earlier turns, the step holds the
turn just carried out: its sub-goal, its tool, its calls and their results.
Judge first whether the step's result is valid: no error, plausible, and an answer to its sub-goal. Then judge whether
memory and step together hold all that a complete and correct answer needs. Only if both hold, conclude "stop"; if
anything is missing, doubtful or unchecked, conclude "continue" and say what is missing.
${dataNotice}
Reply with one JSON object: {"analysis": string, "conclusion": "stop" | "continue"}.
`;

export interface VerifierInput {
  readonly query: string;
  readonly analysis: Analysis;
  readonly memory: readonly MemoryEntry[];
  /** The turn under judgement, in memory's form. */
  readonly step: MemoryEntry;
}

export function verifierPrompt(input: VerifierInput): Prompt {
  return toPrompt("verifier/1", system, [
    ["query", input.query],
    ["analysis", JSON.stringify(input.analysis)],
    ["memory", renderMemory(input.memory)],
    ["step", renderMemory([input.step])],
  ]);
}
