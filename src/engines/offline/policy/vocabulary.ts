// The features of the offline planner, `offline-features/2`: a fixed list, in groups, whose positions are the ids
// that stand as prompt token ids in the dataset. Words that are not listed are no feature.

import { planKinds, planTools } from "./grammar.ts";
import { partKinds } from "../question/part.ts";

export const featureVocabulary = "offline-features/2";

/** A planner without the groups `memory` and `errors` cannot see what happened in earlier turns. */
export const featureGroups = ["bias", "tools", "query", "memory", "errors"] as const;
export type FeatureGroup = (typeof featureGroups)[number];

const list = (text: string) => text.trim().split(/\s+/);

/**
 * Words that say what a part asks for. Those that stand in any question (what, which, first, …) are left out: each is
 * one more weight that rewards would have to tell from chance.
 */
export const featureWords = list(`
  mean average median mode range standard deviation stdev variance sum total maximum max largest highest
  biggest greatest minimum min smallest lowest least count day days week weeks weekday fall fell convert
  conversion express equal equals get reach obtain game puzzle target operations parentheses brackets combine
  times multiplied divided squared cubed root power percent square cube factorial product quotient half twice
  modulo arithmetic multiply divide increase decrease raised difference larger smaller
`);

/** What a token is, where its text does not matter. */
export const featureShapes = [
  "<list>",
  "<op>",
  "<unit>",
  "<percent>",
  "<two-dates>",
  "<three-dates>",
  "<list+measure>",
  "<dates+days>",
  "<date+weekday>",
  "<nothing>",
];

export const measureWords = list(
  `mean average median mode range deviation variance sum total maximum largest highest minimum smallest lowest`,
);
const dateWords = list(`between from after before since until to on is was did will of plus minus add`);
const unitPairs = list(
  `many|<unit> much|<unit> to|<unit> in|<unit> into|<unit> as|<unit> <num>|<unit> <unit>|<unit> <unit>|<num>`,
);
const targetPairs = list(`make get reach obtain equals game target using use from with combine of`);
const operatorPairs = list(`plus minus times multiplied divided squared cubed percent power <op> x over mod modulo`);
const dayPairs = list(`days weeks day week`).flatMap((word) =>
  list(`between after before from since until lie pass separate elapsed apart later past it to <date>`).map(
    (next) => `${word}|${next}`,
  ),
);

/** Two neighbouring tokens, after filler words are left out, joined by a bar. */
export const featurePairs: readonly string[] = [
  ...measureWords.flatMap((word) => [`${word}|<num>`, `${word}|<list>`, `<list>|${word}`]),
  ...dateWords.map((word) => `${word}|<date>`),
  "<date>|<date>",
  "weekday|<date>",
  "week|<date>",
  "day|<date>",
  "<date>|weekday",
  "<date>|day",
  "<date>|fall",
  "number|<date>",
  ...list(`many|days many|weeks <num>|days <num>|weeks to|days in|days days|in weeks|in weeks|to days|to`),
  ...list(`given|<list> for|<list> <list>|find`),
  ...unitPairs,
  ...targetPairs.flatMap((word) => [`${word}|<num>`, `${word}|<list>`]),
  ...operatorPairs.map((word) => `<num>|${word}`),
  ...list(`plus minus times by <op> power`).map((word) => `${word}|<num>`),
  ...list(`root square cube factorial multiply divide add subtract`).map((word) => `${word}|<num>`),
  ...dayPairs,
];

const memoryFeatures = [
  ...partKinds.map((kind) => `done:${kind}`),
  "done:answer",
  "results:0",
  "results:1",
  "results:2",
  "results:3",
];
const errorFeatures = [
  "last:failed",
  ...planKinds.map((kind) => `failed:${kind}`),
  ...planTools.map((tool) => `failed:${tool}`),
];

const groups: Readonly<Record<FeatureGroup, readonly string[]>> = {
  bias: ["bias"],
  tools: planTools.map((tool) => `tool:${tool}`),
  query: [...new Set([...featureShapes, ...featureWords, ...featurePairs])],
  memory: memoryFeatures,
  errors: errorFeatures,
};

export const featureNames: readonly string[] = featureGroups.flatMap((group) => groups[group]);

const idByName = new Map(featureNames.map((name, id) => [name, id]));
const groupById: readonly FeatureGroup[] = featureGroups.flatMap((group) => groups[group].map(() => group));

export function featureId(name: string): number | null {
  return idByName.get(name) ?? null;
}

export function groupOf(id: number): FeatureGroup | null {
  return groupById[id] ?? null;
}
