// Vectors of texts from an OpenAI-compatible `/embeddings` endpoint, Workers AI's included. Few texts a request, one
// request at a time; it keeps nothing and judges nothing.

import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import { type AskDeps, askService } from "../web-service/ask-service.ts";
import type { WebFault } from "../web-service/retry-read.ts";

export interface EmbeddingsEndpoint {
  /** `/embeddings` is appended. */
  readonly baseUrl: string;
  readonly model: string;
  readonly apiKey: string | null;
}

export interface Embedder {
  readonly model: string;
  /** A vector for each text, in their order. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<Result<readonly (readonly number[])[], WebFault>>;
}

/** Workers AI takes a hundred texts at most; others count tokens. */
const maxTexts = 64;
const timeoutMs = 8_000;

const Reply = z.looseObject({
  data: z.array(z.looseObject({ index: z.int(), embedding: z.array(z.number()).min(1) })),
});

export function createEmbedder(endpoint: EmbeddingsEndpoint, deps: AskDeps): Embedder {
  return {
    model: endpoint.model,
    async embed(texts, signal) {
      const vectors: (readonly number[])[] = [];
      for (let from = 0; from < texts.length; from += maxTexts) {
        const some = await embedSome(endpoint, deps, texts.slice(from, from + maxTexts), signal);
        if (!some.ok) {
          return some;
        }
        vectors.push(...some.value);
      }
      return ok(vectors);
    },
  };
}

async function embedSome(
  { baseUrl, model, apiKey }: EmbeddingsEndpoint,
  deps: AskDeps,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<Result<readonly (readonly number[])[], WebFault>> {
  const asked = await askService(deps, {
    service: "the embeddings endpoint",
    url: `${baseUrl.replace(/\/+$/, "")}/embeddings`,
    headers: apiKey === null ? {} : { authorization: `Bearer ${apiKey}` },
    body: { model, input: texts, encoding_format: "float" },
    schema: Reply,
    signal,
    timeoutMs,
  });
  if (!asked.ok) {
    return asked;
  }
  const byIndex = new Map(asked.value.data.map(({ index, embedding }) => [index, embedding]));
  const vectors = texts.flatMap((_, index) => {
    const vector = byIndex.get(index);
    return vector === undefined ? [] : [vector];
  });
  const isWhole = vectors.length === texts.length && vectors.every((vector) => vector.length === vectors[0]?.length);
  const detail = "the embeddings endpoint did not send one vector a text";
  return isWhole ? ok(vectors) : err({ code: "bad_reply", detail, retryable: false, retryAfterMs: null });
}

/** In [-1, 1]; 0 for a vector without length. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  let dot = 0;
  let lengthA = 0;
  let lengthB = 0;
  for (const [index, x] of a.entries()) {
    const y = b[index] ?? 0;
    dot += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  return lengthA === 0 || lengthB === 0 ? 0 : dot / Math.sqrt(lengthA * lengthB);
}
