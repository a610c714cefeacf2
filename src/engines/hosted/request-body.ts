// The body of one chat completion request: what the caller wants, less what the server is known to refuse, and a
// record of exactly what was sent. It never sends a sampling parameter that the record does not show.

import type OpenAI from "openai";
import type { ChatRequest, SamplingSent } from "../engine.ts";
import { Feature } from "./capabilities.ts";

/** The SDK's parameters and those that vLLM and its kin add to them. */
export type Body = OpenAI.ChatCompletionCreateParams & {
  readonly return_token_ids?: true;
  readonly top_k?: number;
  readonly min_p?: number;
  readonly repetition_penalty?: number;
};

export interface Prepared {
  readonly body: Body;
  /** The features that this body carries. */
  readonly sent: readonly Feature[];
  readonly sampling: SamplingSent;
  readonly guided: boolean;
}

/** Neutral values: vLLM's, which llama.cpp and its kin read alike (a `top_k` of 0 or less keeps every token). */
const NEUTRAL = {
  top_p: 1,
  top_k: -1,
  min_p: 0,
  frequency_penalty: 0,
  presence_penalty: 0,
  repetition_penalty: 1,
} as const;

export function prepareBody(request: ChatRequest, model: string, refused: ReadonlySet<Feature>): Prepared {
  const sampling = samplingFor(request, refused);
  const structure = structureFor(request, refused);
  const capture = request.capture === "tokens";
  const has = (feature: Feature) => !refused.has(feature);
  const stream = has("stream");
  const features: Partial<Record<Feature, boolean>> = {
    return_token_ids: capture && has("return_token_ids"),
    logprobs: capture && has("logprobs"),
    stream,
    stream_options: stream && has("stream_options"),
    max_tokens: has("max_tokens"),
    json_schema: structure?.type === "json_schema",
    json_object: structure?.type === "json_object",
    top_k: sampling.top_k !== null,
    min_p: sampling.min_p !== null,
    repetition_penalty: sampling.repetition_penalty !== null,
    frequency_penalty: sampling.frequency_penalty !== null,
    presence_penalty: sampling.presence_penalty !== null,
    seed: sampling.seed !== null,
    top_p: sampling.top_p !== null,
    temperature: sampling.temperature !== null,
  };
  const { stop: _, max_tokens: maxTokens, ...rest } = sampling;
  const body: Body = {
    model,
    messages: request.messages.map((message) => ({ role: message.role, content: message.content })),
    ...withoutNulls(rest),
    ...(features.max_tokens ? { max_tokens: maxTokens } : { max_completion_tokens: maxTokens }),
    ...(stream ? { stream } : {}),
    ...(features.stream_options ? { stream_options: { include_usage: true } } : {}),
    ...(features.return_token_ids ? { return_token_ids: true } : {}),
    ...(features.logprobs ? { logprobs: true } : {}),
    ...(structure === null ? {} : { response_format: structure }),
  };
  return { body, sent: Feature.options.filter((one) => features[one] === true), sampling, guided: structure !== null };
}

function samplingFor(request: ChatRequest, refused: ReadonlySet<Feature>): SamplingSent {
  const { sampling } = request;
  const neutral = (name: keyof typeof NEUTRAL) =>
    sampling.neutral === true && !refused.has(name) ? NEUTRAL[name] : null;
  const wanted = (name: Feature, value: number | undefined) =>
    value === undefined || refused.has(name) ? null : value;
  return {
    temperature: wanted("temperature", sampling.temperature),
    top_p: wanted("top_p", sampling.topP) ?? neutral("top_p"),
    top_k: neutral("top_k"),
    min_p: neutral("min_p"),
    frequency_penalty: neutral("frequency_penalty"),
    presence_penalty: neutral("presence_penalty"),
    repetition_penalty: neutral("repetition_penalty"),
    stop: null,
    max_tokens: sampling.maxTokens,
    seed: wanted("seed", sampling.seed),
  };
}

function structureFor(request: ChatRequest, refused: ReadonlySet<Feature>) {
  const { schema } = request;
  if (schema === undefined || request.structure === "free") {
    return null;
  }
  if (!refused.has("json_schema")) {
    return { type: "json_schema" as const, json_schema: { name: schema.name, schema: schema.json, strict: true } };
  }
  return refused.has("json_object") ? null : { type: "json_object" as const };
}

type Numbers = Omit<SamplingSent, "stop" | "max_tokens">;

/** Only what was wanted travels: a null is not a parameter. */
function withoutNulls(sampling: Numbers): { [Name in keyof Numbers]?: number } {
  return Object.fromEntries(Object.entries(sampling).filter(([, value]) => value !== null));
}
