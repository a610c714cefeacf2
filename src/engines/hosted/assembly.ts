// One reply from the pieces that a server sends, streamed or whole. It keeps ids and log-probs exactly as they came
// and gives none rather than some: a turn with a missing token would train on a probability that was never sampled.

import * as z from "zod";
import type { LogprobsMode } from "../endpoints.ts";
import type { ReplyTokens, TokenUsage } from "../engine.ts";
import { utf8Length } from "../../lib/utf8-length.ts";

const Ids = z.array(z.int());
const Message = z.looseObject({
  content: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
});
const Choice = z.looseObject({
  index: z.int().nullish(),
  delta: Message.nullish(),
  message: Message.nullish(),
  finish_reason: z.string().nullish(),
  token_ids: Ids.nullish(),
  response_token_ids: Ids.nullish(),
  logprobs: z
    .looseObject({ content: z.array(z.looseObject({ logprob: z.number() })).nullish() })
    .nullish()
    .catch(null),
});
const Usage = z.looseObject({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) });

/**
 * A whole completion. The chunks of a stream differ from it in `delta` and `message` only; they come by the hundred
 * and are read by `readPiece`, which takes and refuses exactly what this does.
 */
export const Completion = z.looseObject({
  model: z.string().nullish(),
  choices: z.array(Choice).nullish(),
  usage: Usage.nullish().catch(null),
  prompt_token_ids: Ids.nullish(),
});
export type Completion = z.infer<typeof Completion>;

type Maybe<T> = T | null | undefined;

interface Words {
  readonly content?: Maybe<string>;
  readonly reasoning_content?: Maybe<string>;
  readonly reasoning?: Maybe<string>;
}

/** What is taken of a completion, or of a chunk of one. */
export interface Piece {
  readonly model?: Maybe<string>;
  readonly choices?: Maybe<
    readonly {
      readonly index?: Maybe<number>;
      readonly delta?: Maybe<Words>;
      readonly message?: Maybe<Words>;
      readonly finish_reason?: Maybe<string>;
      readonly token_ids?: Maybe<readonly number[]>;
      readonly response_token_ids?: Maybe<readonly number[]>;
      readonly logprobs?: Maybe<{ readonly content?: Maybe<readonly { readonly logprob: number }[]> }>;
    }[]
  >;
  readonly usage?: Maybe<TokenUsage>;
  readonly prompt_token_ids?: Maybe<readonly number[]>;
}

export interface Assembly {
  /** Adds a piece and returns its text. */
  add(piece: Piece): string;
  readonly text: string;
  readonly reasoning: string;
  readonly bytes: number;
  readonly finishReason: string | null;
  /** At least one choice was seen. */
  readonly started: boolean;
  readonly model: string | null;
  /** `promptBytes` is asked only where the server counts no tokens. */
  usage(promptBytes: () => number): TokenUsage;
  tokens(mode: LogprobsMode): ReplyTokens | null;
}

export function createAssembly(): Assembly {
  const seen = { text: "", reasoning: "", bytes: 0, started: false, wordsWithoutIds: false };
  const said: { finishReason: string | null; model: string | null; usage: TokenUsage | null } = {
    finishReason: null,
    model: null,
    usage: null,
  };
  let promptIds: readonly number[] | null = null;
  const ids: number[] = [];
  const logprobs: number[] = [];
  return {
    add(piece) {
      said.model = piece.model ?? said.model;
      promptIds ??= piece.prompt_token_ids ?? null;
      if (piece.usage) {
        const { prompt_tokens, completion_tokens } = piece.usage;
        said.usage = { prompt_tokens, completion_tokens };
      }
      const choice = piece.choices?.find((one) => (one.index ?? 0) === 0);
      if (choice === undefined) {
        return "";
      }
      const words: Words = choice.delta ?? choice.message ?? {};
      const text = words.content ?? "";
      const thought = words.reasoning_content ?? words.reasoning ?? "";
      const own = choice.token_ids ?? choice.response_token_ids ?? [];
      seen.started = true;
      seen.text += text;
      seen.reasoning += thought;
      seen.bytes += utf8Length(text) + utf8Length(thought);
      seen.wordsWithoutIds ||= own.length === 0 && text + thought !== "";
      said.finishReason = choice.finish_reason ?? said.finishReason;
      append(ids, own);
      append(logprobs, choice.logprobs?.content?.map((one) => one.logprob) ?? []);
      return text;
    },
    get text() {
      return seen.text;
    },
    get reasoning() {
      return seen.reasoning;
    },
    get bytes() {
      return seen.bytes;
    },
    get started() {
      return seen.started;
    },
    get finishReason() {
      return said.finishReason;
    },
    get model() {
      return said.model;
    },
    usage: (promptBytes) =>
      said.usage ?? {
        prompt_tokens: promptIds?.length ?? estimate(promptBytes()),
        completion_tokens: ids.length > 0 ? ids.length : estimate(seen.bytes),
      },
    tokens(mode) {
      const complete = said.usage === null ? !seen.wordsWithoutIds : said.usage.completion_tokens === ids.length;
      if (promptIds === null || promptIds.length === 0 || !complete) {
        return null;
      }
      return {
        prompt_token_ids: [...promptIds],
        response_token_ids: [...ids],
        response_logprobs: logprobs.length === ids.length ? [...logprobs] : null,
        logprobs_mode: mode,
      };
    },
  };
}

/** A loop, because spreading a long list into `push` overflows the stack. */
function append(to: number[], from: readonly number[]): void {
  for (const one of from) {
    to.push(one);
  }
}

/** Tokens where a server counts none; the limits need some number, and four bytes a token is the usual rule. */
function estimate(bytes: number): number {
  return Math.ceil(bytes / 4);
}
