// Questions outside the offline engine's domain, so that its planner learns to hand them on instead of guessing.
// They are made of blanks and names; none is taken from a benchmark.

import { createRandom } from "../../../lib/random.ts";

const wordings = [
  "Who was the president of {x} when {y} was founded?",
  "Which film came out first, {x} or {y}?",
  "What is the capital of {x}?",
  "Who wrote {x}?",
  "When was {x} born?",
  "What nationality was the director of {x}?",
  "Where was the author of {x} born?",
  "Explain how {x} works.",
  "Write a poem about {x}.",
  "Translate {x} into French.",
  "Why is {x} known for {y}?",
  "What team did {x} play for in the year of {y}?",
  "Who is the king of {x}?",
  "In which city is {x} located?",
  "What river flows through {x}?",
  "Summarize {x}.",
  "Which actor starred in {x}, and what company made it?",
  "How old was {x} in {n}?",
  "What happened in {x} in {n}?",
  "Who directed the {n} movie {x}?",
  "Tell me a story about {x}.",
  "What is the name of the song by {x} called {y}?",
  "Which country did {x} win a war against?",
  "Describe the language of {x}.",
];
const names =
  "Harlow,Ventura,the Orchid House,Mirabel,Lake Torin,Quillon,Sandor Vey,the Copper Road,Estling,North Vale".split(",");

export function outsideQuestions(seed: number, count: number): string[] {
  const random = createRandom(seed, 7);
  return Array.from({ length: count }, () =>
    random
      .pick(wordings)
      .replace("{x}", random.pick(names))
      .replace("{y}", random.pick(names))
      .replace("{n}", String(random.whole(1900, 2020))),
  );
}
