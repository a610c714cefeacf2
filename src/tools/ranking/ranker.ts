// Which texts fit a query best: by embeddings where an endpoint is configured, by words elsewhere and where the
// endpoint fails. It says by what it ranked, because two runs that ranked differently cannot be compared.

import { type Ranked, rankByWords } from "./bm25.ts";
import { cosine, type Embedder } from "./embeddings.ts";

export interface Ranking {
  /** Best first. Texts that fit not at all may be missing. */
  readonly order: readonly Ranked[];
  /** `bm25`, the embedding model's name, or `bm25 (embeddings failed: <code>)`. */
  readonly rankedBy: string;
}

export interface Ranker {
  rank(query: string, texts: readonly string[], signal: AbortSignal): Promise<Ranking>;
}

/** A page of a million characters has nine hundred chunks; words choose those that are worth a vector. */
const maxEmbedded = 96;

export function createRanker(embedder: Embedder | null): Ranker {
  return {
    async rank(query, texts, signal) {
      const byWords = rankByWords(query, texts);
      if (embedder === null || texts.length === 0) {
        return { order: byWords, rankedBy: "bm25" };
      }
      const candidates = choose(byWords, texts.length);
      const embedded = await embedder.embed([query, ...candidates.map((index) => texts[index] ?? "")], signal);
      if (!embedded.ok) {
        return { order: byWords, rankedBy: `bm25 (embeddings failed: ${embedded.error.code})` };
      }
      const [asked = [], ...vectors] = embedded.value;
      const order = candidates
        .map((index, position) => ({ index, score: cosine(asked, vectors[position] ?? []) }))
        .toSorted((a, b) => b.score - a.score || a.index - b.index);
      return { order, rankedBy: embedder.model };
    },
  };
}

/** The best by words, then others from the beginning: a text may fit without sharing a word. */
function choose(byWords: readonly Ranked[], count: number): number[] {
  const chosen = new Set(byWords.slice(0, maxEmbedded).map(({ index }) => index));
  for (let index = 0; index < count && chosen.size < maxEmbedded; index += 1) {
    chosen.add(index);
  }
  return [...chosen];
}
