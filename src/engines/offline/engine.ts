// The offline engine: an Engine without a model, for a narrow documented domain (docs/offline-engine.md). It sees
// a request's role and messages, as a hosted model does, and nothing else; it does no I/O and has no answer in a table.

import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import { memo } from "../../lib/memo.ts";
import { readSections } from "../../lib/sections.ts";
import { unreachable } from "../../lib/unreachable.ts";
import type {
  ChatReply,
  ChatRequest,
  Engine,
  EngineError,
  EngineErrorCode,
  Parsed,
  ReplyTokens,
  Role,
  SamplingSent,
} from "../engine.ts";
import { analyse } from "./modules/analyzer.ts";
import { command } from "./modules/executor.ts";
import { answer, generatorKind } from "./modules/generator.ts";
import { noModel } from "./modules/no-model.ts";
import { plan } from "./modules/planner.ts";
import { verify } from "./modules/verifier.ts";
import { OfflineWeights } from "./policy/weights.ts";
import { type PromptView, readPrompt } from "./prompt-view.ts";
import { readQuestion } from "./question/read-question.ts";
import fitted from "./weights.json" with { type: "json" };

/** The weights that ship: trained by `npm run learn` (docs/learning.md), version `offline-1`. */
export const offlineWeights: OfflineWeights = OfflineWeights.parse(fitted);

export interface OfflineEngineOptions {
  /** The planner's policy, for requests that bring none. */
  readonly weights: OfflineWeights;
  /** Uniform in [0, 1), for planner calls without a seed. Without it they depend on run and turn alone. */
  readonly random?: () => number;
}

/** Each module of each turn reads its run's question, and so do the other rollouts of its group. */
const maxQuestions = 64;

interface Draft {
  readonly text: string;
  readonly tokens: ReplyTokens | null;
  readonly finishReason: string;
}

export function createOfflineEngine(options: OfflineEngineOptions): Engine {
  const read = memo(readQuestion, maxQuestions);
  const modelOf = (role: Role) => (role === "planner" ? plannerName(options.weights) : `offline-${role}`);
  const chat = async (request: ChatRequest, signal: AbortSignal): Promise<Result<ChatReply, EngineError>> => {
    if (signal.aborted) {
      return refuse("aborted", "The call was aborted before it began.");
    }
    if (request.role === "judge") {
      return refuse(
        "engine_refused",
        "The offline engine cannot judge answers: it has no language model. Configure JUDGE_BASE_URL or INFERENCE_BASE_URL.",
      );
    }
    const draft = draftReply(request, readPrompt(request.messages, read), options);
    if (new TextEncoder().encode(draft.text).length > request.maxReplyBytes) {
      return refuse("reply_too_large", `The reply is larger than ${request.maxReplyBytes} bytes.`);
    }
    stream(draft.text, request.onDelta);
    const model = request.role === "planner" ? plannerName(weightsOf(request, options)) : modelOf(request.role);
    return ok(toReply(request, draft, model));
  };
  return { chat, modelOf };
}

function plannerName({ version }: OfflineWeights): string {
  return `offline-planner/${version}`;
}

/** A registered policy comes with the request. */
function weightsOf({ policy }: ChatRequest, options: OfflineEngineOptions): OfflineWeights {
  return policy?.kind === "offline" ? policy.weights : options.weights;
}

function refuse(code: EngineErrorCode, detail: string): Result<never, EngineError> {
  return err({ code, detail, retryable: false, retryAfterMs: null });
}

function draftReply(request: ChatRequest, view: PromptView, options: OfflineEngineOptions): Draft {
  const plain = (text: string): Draft => ({ text, tokens: null, finishReason: "stop" });
  switch (request.role) {
    case "analyzer":
      return plain(JSON.stringify(analyse(view)));
    case "planner":
      return plan(request, view, { weights: weightsOf(request, options), random: options.random });
    case "executor":
      return plain(JSON.stringify(command(view)));
    case "verifier":
      return plain(JSON.stringify(verify(view)));
    case "generator":
      return plain(answer(view, generatorKind(view, hasMemory(request))));
    case "tool":
    case "judge":
      return plain(noModel);
    default:
      return unreachable(request.role);
  }
}

/** `base` prompts have no memory section at all; an empty memory still has one. */
function hasMemory(request: ChatRequest): boolean {
  return request.messages.some((message) => readSections(message.content).has("memory"));
}

function stream(text: string, onDelta: ((text: string) => void) | undefined): void {
  if (onDelta === undefined) {
    return;
  }
  // Three pieces are enough to see it move; a model's thousand would only cost events. Cut between characters.
  const characters = Array.from(text);
  const size = Math.max(1, Math.ceil(characters.length / 3));
  for (let at = 0; at < characters.length; at += size) {
    onDelta(characters.slice(at, at + size).join(""));
  }
}

function toReply(request: ChatRequest, draft: Draft, model: string): ChatReply {
  return {
    text: draft.text,
    reasoning: null,
    parsed: request.schema === undefined ? null : parse(draft.text, request.schema.parse),
    // The planner counts its token ids; the others, which have none, count words.
    usage: {
      prompt_tokens:
        draft.tokens?.prompt_token_ids.length ??
        request.messages.reduce((sum, message) => sum + countWords(message.content), 0),
      completion_tokens: draft.tokens?.response_token_ids.length ?? countWords(draft.text),
    },
    finishReason: draft.finishReason,
    modelRequested: model,
    modelServed: model,
    engine: "offline",
    guided: false,
    sampling: samplingSent(request),
    tokens: request.capture === "tokens" ? draft.tokens : null,
  };
}

function parse(text: string, schema: z.ZodType): Parsed {
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success
      ? { how: "strict", value: parsed.data }
      : { how: "none", error: z.prettifyError(parsed.error) };
  } catch {
    return { how: "none", error: text === "" ? "The reply is empty." : "The reply is not JSON." };
  }
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

/** Values that the sampler has no use for are neutral by nature and reported where the caller asks for them. */
function samplingSent({ sampling }: ChatRequest): SamplingSent {
  const neutral = sampling.neutral === true;
  return {
    temperature: sampling.temperature,
    top_p: sampling.topP ?? (neutral ? 1 : null),
    top_k: neutral ? -1 : null,
    min_p: neutral ? 0 : null,
    frequency_penalty: neutral ? 0 : null,
    presence_penalty: neutral ? 0 : null,
    repetition_penalty: neutral ? 1 : null,
    stop: null,
    max_tokens: sampling.maxTokens,
    seed: sampling.seed ?? null,
  };
}
