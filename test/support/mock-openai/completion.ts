// A reply as vLLM sends it, whole or in pieces: token ids and log-probs of every sampled token, the end-of-turn
// token included, prompt ids with the first piece, usage in a piece of its own. The "tokens" are words.

import { promptOf } from "./replies.ts";
import type { Answer, RecordedRequest } from "./script.ts";
import { isRecord } from "./script.ts";

export interface Token {
  readonly text: string;
  readonly id: number;
  readonly logprob: number;
}

/** Qwen's end-of-turn id; its text is empty. */
const END: Token = { text: "", id: 151_645, logprob: -0.001 };

export interface Rendered {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly reasoning: string;
  readonly finishReason: string;
  readonly promptIds: readonly number[];
  readonly tokens: readonly Token[];
  readonly withIds: boolean;
  readonly withLogprobs: boolean;
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number };
}

export function render(request: RecordedRequest, answer: Answer, ignored: ReadonlySet<string>): Rendered {
  const { body } = request;
  const text = answer.text ?? (answer.json === undefined ? "" : JSON.stringify(answer.json));
  const finishReason = answer.finishReason ?? "stop";
  const spoken = [...tokenise(answer.reasoning ?? ""), ...tokenise(text)];
  const tokens = finishReason === "length" ? spoken : [...spoken, END];
  const promptIds = tokenise(promptOf(body)).map((token) => token.id);
  return {
    id: `chatcmpl-${request.role}-${request.n}`,
    model: answer.model ?? String(body["model"]),
    text,
    reasoning: answer.reasoning ?? "",
    finishReason,
    promptIds,
    tokens,
    withIds: body["return_token_ids"] === true && !ignored.has("return_token_ids"),
    withLogprobs: body["logprobs"] === true && !ignored.has("logprobs"),
    usage: {
      prompt_tokens: promptIds.length,
      completion_tokens: tokens.length,
      total_tokens: promptIds.length + tokens.length,
    },
  };
}

/** Words with the space before them; id and log-prob are functions of the text. */
export function tokenise(text: string): Token[] {
  return (text.match(/\s*\S+|\s+$/gu) ?? []).map((word) => {
    let hash = 17;
    for (const char of word) {
      hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 150_000;
    }
    return { text: word, id: hash, logprob: -((hash % 997) + 1) / 500 };
  });
}

export function wholeBody(rendered: Rendered, ignored: ReadonlySet<string>): Record<string, unknown> {
  const { reasoning } = rendered;
  return {
    id: rendered.id,
    object: "chat.completion",
    created: 1_700_000_000,
    model: rendered.model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: rendered.text,
          ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
        },
        finish_reason: rendered.finishReason,
        logprobs: rendered.withLogprobs ? logprobsOf(rendered.tokens) : null,
        ...(rendered.withIds ? { token_ids: rendered.tokens.map((token) => token.id) } : {}),
      },
    ],
    ...(ignored.has("usage") ? {} : { usage: rendered.usage }),
    ...(rendered.withIds ? { prompt_token_ids: rendered.promptIds } : {}),
  };
}

/** The pieces of a stream, `[DONE]` left out: the role, the tokens, the end, the usage. */
export function* pieces(
  rendered: Rendered,
  body: Readonly<Record<string, unknown>>,
  ignored: ReadonlySet<string>,
): Generator<string> {
  const first = rendered.withIds ? { prompt_token_ids: rendered.promptIds } : {};
  yield piece(rendered, { delta: { role: "assistant", content: "" } }, first);
  const thoughts = tokenise(rendered.reasoning).length;
  for (const [index, token] of rendered.tokens.entries()) {
    const isLast = index === rendered.tokens.length - 1;
    yield piece(rendered, {
      delta: index < thoughts ? { reasoning_content: token.text } : { content: token.text },
      finish_reason: isLast ? rendered.finishReason : null,
      logprobs: rendered.withLogprobs ? logprobsOf([token]) : null,
      ...(rendered.withIds ? { token_ids: [token.id] } : {}),
    });
  }
  if (rendered.tokens.length === 0) {
    yield piece(rendered, { delta: {}, finish_reason: rendered.finishReason });
  }
  const options = body["stream_options"];
  if (isRecord(options) && options["include_usage"] === true && !ignored.has("usage")) {
    yield event({ ...envelope(rendered), choices: [], usage: rendered.usage });
  }
}

function piece(rendered: Rendered, choice: Record<string, unknown>, extra: Record<string, unknown> = {}): string {
  return event({ ...envelope(rendered), choices: [{ index: 0, finish_reason: null, ...choice }], ...extra });
}

function envelope(rendered: Rendered) {
  return { id: rendered.id, object: "chat.completion.chunk", created: 1_700_000_000, model: rendered.model };
}

export function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function logprobsOf(tokens: readonly Token[]) {
  return {
    content: tokens.map((token) => ({
      token: token.text,
      logprob: token.logprob,
      bytes: [...Buffer.from(token.text)],
      top_logprobs: [],
    })),
  };
}
