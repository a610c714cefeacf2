// The passages that a tool shows: the best ones, as many as a turn's memory can hold whole. A result that memory
// elides would lose its middle, so what does not fit is left out here, where the best is known.

import type { Chunk } from "../reading/chunk-text.ts";
import type { Ranker } from "./ranker.ts";

export interface Passage extends Chunk {
  /** Three decimals; comparable within one result. */
  readonly score: number;
  /** Of the chunk in the list that was ranked. */
  readonly index: number;
}

export interface PassageChoice {
  readonly passages: readonly Passage[];
  readonly rankedBy: string;
}

export interface PassageRequest {
  readonly query: string;
  readonly chunks: readonly Chunk[];
  /** What a chunk is ranked as; its text unless set, e.g. with its page's title before it. */
  readonly rankAs?: (chunk: Chunk, index: number) => string;
  /** Of the passages' JSON text, their offsets and scores included. */
  readonly maxChars: number;
  readonly signal: AbortSignal;
}

/** `{"text":,"start":…,"end":…,"page":…,"score":…}` */
const fieldChars = 70;

/** At least one passage where there is a chunk: the first, if none fits. */
export async function bestPassages(ranker: Ranker, request: PassageRequest): Promise<PassageChoice> {
  const { chunks, query, signal, maxChars, rankAs = (chunk) => chunk.text } = request;
  const { order, rankedBy } = await ranker.rank(query, chunks.map(rankAs), signal);
  const passages: Passage[] = [];
  let left = maxChars;
  for (const { index, score } of order.length === 0 ? [{ index: 0, score: 0 }] : order) {
    const chunk = chunks[index];
    const cost = JSON.stringify(chunk?.text ?? "").length + fieldChars;
    if (chunk !== undefined && (cost <= left || passages.length === 0)) {
      passages.push({ ...chunk, index, score: Math.round(score * 1000) / 1000 });
      left -= cost;
    }
  }
  return { passages, rankedBy };
}
