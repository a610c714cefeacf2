// What the offline engine says where only a language model could answer, and how its verifier recognises that a tool
// had nothing else to say.

import type { TurnView } from "../prompt-view.ts";

export const noModel =
  "I cannot answer this without a language model: the offline engine works out arithmetic, target puzzles, days and weekdays, units and statistics only. " +
  "Set INFERENCE_BASE_URL (and INFERENCE_MODEL) to an OpenAI-compatible endpoint to get an answer.";

const opening = noModel.slice(0, noModel.indexOf(":"));

export function saysNoModel(turn: TurnView): boolean {
  return turn.printed.includes(opening);
}
