// Which features bear on which choice. What memory says of a kind bears on that kind alone, the number of results on
// what is asked of the whole question, and the question's words on tools and kinds of parts. So a planner cannot learn
// which kinds happen to go together in its tasks, and what it has learnt holds for combinations that it never met.

import { partKinds } from "../question/part.ts";
import { planRows } from "./grammar.ts";
import { featureNames, groupOf } from "./vocabulary.ts";

const wholeRows = new Set(["combine", "guess", "restate"].map((kind) => `python_coder>${kind}`));
const kindRows = new Set(partKinds.map((kind) => `python_coder>${kind}`));

function bears(feature: number, row: string): boolean {
  const [about, of] = (featureNames[feature] ?? "").split(":");
  switch (groupOf(feature)) {
    case "bias":
    case "tools":
      return true;
    case "query":
      return !wholeRows.has(row);
    case "memory":
      return about === "results" ? wholeRows.has(row) : kindRows.has(row) && row === `python_coder>${of}`;
    case "errors":
      return about === "last" ? wholeRows.has(row) : row === `python_coder>${of}`;
    default:
      return false;
  }
}

const sight: readonly Uint8Array[] = planRows.map((row) =>
  Uint8Array.from(featureNames, (_, feature) => (bears(feature, row) ? 1 : 0)),
);

/** Whether the weight at this row and feature has a say. One that has none is neither read nor learnt. */
export function sees(row: number, feature: number): boolean {
  return sight[row]?.[feature] === 1;
}
