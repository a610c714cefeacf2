// Which text fits a question best, by words and by vectors.

import { expect, test } from "vitest";
import { err, ok } from "../../../src/lib/result.ts";
import { bestPassages } from "../../../src/tools/ranking/best-passages.ts";
import { rankByWords } from "../../../src/tools/ranking/bm25.ts";
import { cosine, type Embedder } from "../../../src/tools/ranking/embeddings.ts";
import { createRanker } from "../../../src/tools/ranking/ranker.ts";
import { termsOf } from "../../../src/tools/ranking/terms.ts";

const never = new AbortController().signal;

test("the text with the rare words comes first; texts without any are left out", () => {
  const texts = ["The town has a market.", "The bridge opened in 1931 in the town.", "Nothing of it."];
  expect(rankByWords("When did the bridge of the town open?", texts).map(({ index }) => index)).toEqual([1, 0]);
});

test("accents, case and inflected endings do not hide a word; questions words find nothing", () => {
  expect(rankByWords("ZURICH", ["Zürich lies by a lake."])).toHaveLength(1);
  expect(rankByWords("open", ["It opened late."])).toHaveLength(1);
  expect(rankByWords("what is the", ["What is the the?"])).toEqual([]);
});

test("scripts without blanks are compared by pairs of characters", () => {
  expect(termsOf("東京タワー")).toEqual(["東京", "京タ", "タワ", "ワー"]);
  expect(rankByWords("東京", ["大阪の城", "東京の塔"]).map(({ index }) => index)).toEqual([1]);
});

/** Knows three directions by a word. */
function embedder(change: Partial<Embedder> = {}): Embedder & { asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    model: "directions-1",
    embed: (texts) => {
      asked.push(texts.length);
      return Promise.resolve(
        ok(texts.map((text) => ["up", "left", "far"].map((word) => (text.includes(word) ? 1 : 0)))),
      );
    },
    ...change,
  };
}

test("vectors find what words do not", async () => {
  const { order, rankedBy } = await createRanker(embedder()).rank("up there", ["a left turn", "an upper floor"], never);
  expect([order[0]?.index, rankedBy]).toEqual([1, "directions-1"]);
});

test("no more than 96 texts cost a vector, those first that share a word", async () => {
  const counted = embedder();
  const texts = Array.from({ length: 500 }, (_, index) => (index === 499 ? "far away" : "nothing"));
  const { order } = await createRanker(counted).rank("far", texts, never);
  expect(counted.asked).toEqual([97]);
  expect(order[0]?.index).toBe(499);
});

test("an endpoint that fails gives way to words, and the ranking says so", async () => {
  const fault = { code: "rate_limited", detail: "", retryable: true, retryAfterMs: null };
  const failing = embedder({ embed: () => Promise.resolve(err(fault)) });
  const { order, rankedBy } = await createRanker(failing).rank("bridge", ["a town", "a bridge"], never);
  expect([order.map(({ index }) => index), rankedBy]).toEqual([[1], "bm25 (embeddings failed: rate_limited)"]);
});

test("a vector without length is like nothing", () => {
  expect(cosine([0, 0], [1, 1])).toBe(0);
  expect(cosine([2, 0], [1, 0])).toBe(1);
});

test("passages fill their room best first, and there is always one", async () => {
  const chunk = (text: string) => ({ text, start: 0, end: text.length });
  const chunks = [chunk("first"), chunk(`bridge ${"x ".repeat(40)}`), chunk("bridge")];
  const choose = (query: string, maxChars: number) =>
    bestPassages(createRanker(null), { query, chunks, maxChars, signal: never });
  expect((await choose("bridge", 80)).passages.map(({ text }) => text)).toEqual(["bridge"]);
  expect((await choose("bridge", 300)).passages).toHaveLength(2);
  expect((await choose("absent", 1)).passages.map(({ text }) => text)).toEqual(["first"]);
  expect(
    (await bestPassages(createRanker(null), { query: "x", chunks: [], maxChars: 9, signal: never })).passages,
  ).toEqual([]);
});
