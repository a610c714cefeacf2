// Ranks texts by the words they share with a query: BM25+ by minisearch over an index of this one call. It knows no
// meaning; a text without a word of the query has no score.

import MiniSearch from "minisearch";
import { termsOf } from "./terms.ts";

export interface Ranked {
  /** Of the text in the list that was given. */
  readonly index: number;
  /** Higher is better; only comparable within one ranking. */
  readonly score: number;
}

/** From this length on a query's word also finds words that begin with it. */
const minPrefixChars = 4;

/** Best first, ties in the texts' order; texts with no word of the query are left out. */
export function rankByWords(query: string, texts: readonly string[]): Ranked[] {
  const search = new MiniSearch<{ id: number; text: string }>({
    fields: ["text"],
    tokenize: termsOf,
    processTerm: (term) => term,
    searchOptions: {
      prefix: (term) => term.length >= minPrefixChars,
      // A word that only begins alike says less.
      weights: { prefix: 0.3, fuzzy: 0 },
    },
  });
  search.addAll(texts.map((text, id) => ({ id, text })));
  return search
    .search(query)
    .map(({ id, score }) => ({ index: Number(id), score }))
    .toSorted((a, b) => b.score - a.score || a.index - b.index);
}
