// The Engine port: one chat call to a model, whoever serves it. An engine makes a single try; retries,
// deadlines and the log belong to the agent. It imports nothing from Cloudflare and never throws for a
// fault of the model's server.

import type { Clock } from "./clock.ts";
import * as z from "zod";
import type { Result } from "../lib/result.ts";
import type { OfflineWeights } from "./offline/policy/weights.ts";

/** Who is asking. Travels as `X-AgentFlow-Role`, so that a gateway can tell the calls apart. */
export const Role = z.enum(["analyzer", "planner", "executor", "verifier", "generator", "judge", "tool"]);
export type Role = z.infer<typeof Role>;

export const ChatMessage = z.strictObject({ role: z.enum(["system", "user", "assistant"]), content: z.string() });
export type ChatMessage = z.infer<typeof ChatMessage>;

/** Sampling parameters exactly as sent; null = not sent, so the server's own default applied. */
export const SamplingSent = z.strictObject({
  temperature: z.number().nullable(),
  top_p: z.number().nullable(),
  top_k: z.number().nullable(),
  min_p: z.number().nullable(),
  frequency_penalty: z.number().nullable(),
  presence_penalty: z.number().nullable(),
  repetition_penalty: z.number().nullable(),
  stop: z.array(z.string()).nullable(),
  max_tokens: z.number().nullable(),
  seed: z.number().nullable(),
});
export type SamplingSent = z.infer<typeof SamplingSent>;

/** What the caller wants sampled. Absent = the role's default. */
export interface SamplingWanted {
  readonly temperature: number;
  readonly topP?: number;
  readonly seed?: number;
  readonly maxTokens: number;
  /** Rollouts send every neutral value that the server accepts (top_k -1, min_p 0, penalties 0 and 1). */
  readonly neutral?: true;
}

/** The shape a structured reply must have. `parse` is loose: it reads what models really write. */
export interface ReplySchema<T = unknown> {
  readonly name: string;
  /** JSON Schema sent to servers that constrain the decoding. */
  readonly json: Record<string, unknown>;
  readonly parse: z.ZodType<T>;
  /** Labels of the text fallback, per field, e.g. `{context: ["Context"], sub_goal: ["Sub-Goal"]}`. */
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** Token-level capture, as the server gave it: ids are never re-tokenised, log-probs never invented. */
export const ReplyTokens = z.strictObject({
  prompt_token_ids: z.array(z.int()),
  response_token_ids: z.array(z.int()),
  /** Natural log-probs, one per response token; null where the server gave none. */
  response_logprobs: z.array(z.number()).nullable(),
  logprobs_mode: z.enum(["processed", "raw", "unknown"]),
});
export type ReplyTokens = z.infer<typeof ReplyTokens>;

export const TokenUsage = z.strictObject({ prompt_tokens: z.int(), completion_tokens: z.int() });
export type TokenUsage = z.infer<typeof TokenUsage>;

/** Where a registered policy version is served; absent in a request = the role's configured endpoint. */
export type PolicyEndpoint = HostedPolicy | OfflinePolicy;

export interface OfflinePolicy {
  readonly kind: "offline";
  /** Of the offline planner's weights; the engine keeps what it has built for an object it has seen. */
  readonly weights: OfflineWeights;
}

export interface HostedPolicy {
  readonly kind: "hosted";
  readonly baseUrl: string;
  readonly model: string;
  readonly apiKey: string | null;
  /** How this server's log-probs are taken; absent = unknown. */
  readonly logprobsMode?: ReplyTokens["logprobs_mode"];
}

export interface ChatRequest {
  readonly role: Role;
  readonly runId: string;
  /** From 1; null outside turns. */
  readonly turn: number | null;
  readonly messages: readonly ChatMessage[];
  readonly sampling: SamplingWanted;
  /** Absent = plain text is wanted. */
  readonly schema?: ReplySchema;
  /** `free`: never constrain the decoding, only parse (the planner in rollouts). */
  readonly structure: "guided" | "free";
  /** Ask for prompt and response token ids and log-probs (the planner). */
  readonly capture: "tokens" | "text";
  readonly policy?: PolicyEndpoint;
  /** Largest reply accepted, bytes of UTF-8. */
  readonly maxReplyBytes: number;
  /** For the call's deadlines, where the caller has a timer for many; absent = each has its own. */
  readonly after?: Clock["after"];
  /** Called with each piece of text as it streams; the pieces of a failed try are void. */
  readonly onDelta?: (text: string) => void;
}

/** How a structured reply became a value. `none`: it could not, and `error` says why. */
export type Parsed =
  | { readonly how: "strict" | "repaired" | "labelled"; readonly value: unknown }
  | { readonly how: "none"; readonly error: string };

export interface ChatReply {
  readonly text: string;
  /** Reasoning where the server separates it from the reply. */
  readonly reasoning: string | null;
  /** Null when no schema was asked for. */
  readonly parsed: Parsed | null;
  readonly usage: TokenUsage;
  /** `stop`, `length`, … as the server said it; null where it said nothing. */
  readonly finishReason: string | null;
  readonly modelRequested: string;
  /** As the reply names it; the offline engine's begins with `offline`. */
  readonly modelServed: string;
  /** Name of the engine that served it: `openai-compatible`, `offline`. */
  readonly engine: string;
  /** A schema constrained the decoding. */
  readonly guided: boolean;
  readonly sampling: SamplingSent;
  /** Null where the server gives no ids. */
  readonly tokens: ReplyTokens | null;
}

/**
 * Why a try failed. `retryable` codes: `rate_limited`, `server_error`, `connection_failed`, `engine_timeout`,
 * `stream_interrupted`, `empty_reply`. The others are final for this call.
 */
export type EngineErrorCode =
  | "rate_limited"
  | "server_error"
  | "connection_failed"
  | "engine_timeout"
  | "stream_interrupted"
  | "empty_reply"
  | "bad_reply"
  | "reply_too_large"
  | "context_limit"
  | "engine_auth"
  | "model_not_found"
  | "engine_refused"
  | "engine_not_configured"
  | "aborted";

export interface EngineError {
  readonly code: EngineErrorCode;
  /** For people; holds no key and no reply text beyond a short excerpt. */
  readonly detail: string;
  readonly retryable: boolean;
  /** From Retry-After or retry-after-ms; null where the server said nothing. */
  readonly retryAfterMs: number | null;
}

export interface Engine {
  /** One try. Rejects only for bugs; `signal` aborts the call in flight and gives code `aborted`. */
  chat(request: ChatRequest, signal: AbortSignal): Promise<Result<ChatReply, EngineError>>;
  /** The model that would serve a role, for `/v1/info` and `run.created`. */
  modelOf(role: Role): string;
}
