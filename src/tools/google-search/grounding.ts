// What Gemini answers when it searches with Google: the text, the web pages it stands on, and which piece of the text
// each of them supports. Loose, because the service adds fields; it resolves no address.

import * as z from "zod";
import type { TokenUsage } from "../../engines/engine.ts";

const Chunk = z.looseObject({
  web: z.looseObject({ uri: z.string().nullish(), title: z.string().nullish() }).nullish(),
});

const Support = z.looseObject({
  /** Offsets are bytes of the part's UTF-8. */
  segment: z.looseObject({ partIndex: z.int().nullish(), endIndex: z.int().nullish() }).nullish(),
  groundingChunkIndices: z.array(z.int()).nullish(),
});

const Candidate = z.looseObject({
  content: z.looseObject({
    parts: z.array(z.looseObject({ text: z.string().nullish(), thought: z.boolean().nullish() })).nullish(),
  }),
  finishReason: z.string().nullish(),
  groundingMetadata: z
    .looseObject({
      webSearchQueries: z.array(z.string()).nullish(),
      groundingChunks: z.array(Chunk).nullish(),
      groundingSupports: z.array(Support).nullish(),
    })
    .nullish(),
});

/** A count that is none must not cost the answer. */
const count = z.int().min(0).nullish().catch(null);

const UsageMetadata = z.looseObject({
  promptTokenCount: count,
  /** The pages that the model read in between. */
  toolUsePromptTokenCount: count,
  candidatesTokenCount: count,
  thoughtsTokenCount: count,
});

export const GroundedReply = z.looseObject({
  candidates: z.array(Candidate).nullish(),
  promptFeedback: z.looseObject({ blockReason: z.string().nullish() }).nullish(),
  modelVersion: z.string().nullish(),
  usageMetadata: UsageMetadata.nullish().catch(null),
});
export type GroundedReply = z.infer<typeof GroundedReply>;

export interface GroundedAnswer {
  /** With a mark such as [1][3] after each piece that a source supports. */
  readonly text: string;
  /** In the marks' order: source n is mark n. Addresses are the service's redirects. */
  readonly sources: readonly { readonly url: string; readonly title: string }[];
  readonly searches: readonly string[];
}

/** Thoughts are completion and what the search brought is prompt, as the service bills them. */
export function usageOf({ usageMetadata: counts }: GroundedReply): TokenUsage {
  return {
    prompt_tokens: (counts?.promptTokenCount ?? 0) + (counts?.toolUsePromptTokenCount ?? 0),
    completion_tokens: (counts?.candidatesTokenCount ?? 0) + (counts?.thoughtsTokenCount ?? 0),
  };
}

/** Null where the reply holds no text. */
export function readGrounded({ candidates }: GroundedReply): GroundedAnswer | null {
  const candidate = candidates?.[0];
  const metadata = candidate?.groundingMetadata;
  const chunks = metadata?.groundingChunks ?? [];
  // A source is numbered by its place among those with an address, which not every chunk has.
  const numbers = new Map<number, number>();
  const sources = chunks.flatMap(({ web }, index) => {
    const url = web?.uri;
    if (url === undefined || url === null) {
      return [];
    }
    numbers.set(index, numbers.size + 1);
    return [{ url, title: web?.title ?? "" }];
  });
  const supports = metadata?.groundingSupports ?? [];
  const text = (candidate?.content.parts ?? [])
    .flatMap((part, index) =>
      part.thought === true
        ? []
        : [
            marked(
              part.text ?? "",
              supports.filter((one) => (one.segment?.partIndex ?? 0) === index),
              numbers,
            ),
          ],
    )
    .join("")
    .trim();
  return text === "" ? null : { text, sources, searches: metadata?.webSearchQueries ?? [] };
}

function marked(
  text: string,
  supports: readonly z.infer<typeof Support>[],
  numbers: ReadonlyMap<number, number>,
): string {
  const bytes = new TextEncoder().encode(text);
  const marks = supports
    .map((support) => ({ at: Math.min(support.segment?.endIndex ?? 0, bytes.length), mark: markOf(support, numbers) }))
    .filter(({ at, mark }) => at > 0 && mark !== "")
    .toSorted((a, b) => a.at - b.at);
  const decoder = new TextDecoder();
  let from = 0;
  const pieces = marks.map(({ at, mark }) => {
    const piece = `${decoder.decode(bytes.subarray(from, at))}${mark}`;
    from = at;
    return piece;
  });
  return `${pieces.join("")}${decoder.decode(bytes.subarray(from))}`;
}

function markOf({ groundingChunkIndices }: z.infer<typeof Support>, numbers: ReadonlyMap<number, number>): string {
  const own = new Set((groundingChunkIndices ?? []).flatMap((index) => numbers.get(index) ?? []));
  return [...own].map((number) => `[${number}]`).join("");
}
