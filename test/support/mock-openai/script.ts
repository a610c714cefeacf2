// What a test may tell the mock server to do. Plain data, so that a script can also come from a JSON file or over
// HTTP; only the function form needs the mock in the test's own process.

import type { IncomingHttpHeaders } from "node:http";

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  /** From the X-AgentFlow headers; `none` where there is no role. */
  readonly role: string;
  readonly run: string | null;
  /** Null outside turns. */
  readonly turn: number | null;
  /** Which call of this role it is, from 1; refused ones are not counted. */
  readonly n: number;
  /** The client went away before the reply was complete. */
  cut: boolean;
}

/** A reply in full; `json` is written as JSON text. */
export interface Answer {
  readonly text?: string;
  readonly json?: unknown;
  readonly reasoning?: string;
  readonly finishReason?: string;
  /** Model name of the reply; default the one asked for. */
  readonly model?: string;
  /** Wait before the first byte. */
  readonly latencyMs?: number;
  /** Wait between the pieces of a stream. */
  readonly chunkMs?: number;
}

export type Fault =
  | {
      readonly fault: "status";
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Record<string, string>;
    }
  | { readonly fault: "rate_limited"; readonly retryAfter?: number | string; readonly retryAfterMs?: number }
  | { readonly fault: "server_error" | "unauthorized" | "model_not_found" }
  | { readonly fault: "context_limit"; readonly wording?: ContextWording }
  /** Closes the socket at once, or after some pieces of a stream; `eof` ends the stream politely but too early. */
  | { readonly fault: "reset" | "reset_mid_stream" | "eof_mid_stream" | "hang" | "hang_mid_stream" }
  | { readonly fault: "endless" | "not_json" | "error_in_stream" }
  /** The role's default reply, spoilt: no text, words instead of JSON, JSON cut in the middle, a tool nobody has. */
  | { readonly fault: "empty" | "prose" | "truncated_json" | "wrong_tool" };

export type ContextWording = "openai" | "vllm" | "llamacpp" | "ollama" | "lmstudio" | "workers-ai";

export type Reply = string | Answer | Fault;

/** A list answers call by call and then gives way to the default reply; a single reply stands for every call. */
export type Behaviour = Reply | readonly Reply[] | ((request: RecordedRequest, n: number) => Reply | null);

/** How refusals are worded; `silent` names nothing. */
export type RefusalWording = "openai" | "vllm" | "fastapi" | "ollama" | "llamacpp" | "azure" | "silent";

export interface MockOptions {
  readonly port?: number;
  readonly host?: string;
  readonly models?: readonly string[];
  /** Required as the bearer token. */
  readonly apiKey?: string;
  /** Before the first byte of every reply. */
  readonly latencyMs?: number;
  /** The default verifier says `stop` from this turn on; default 1. */
  readonly stopAtTurn?: number;
  /** Tool that the default planner chooses; default the first known name that its prompt contains. */
  readonly tool?: string;
  /** Parameters answered with 400, e.g. `return_token_ids`, `json_schema`, `stream`. */
  readonly refuse?: readonly string[];
  readonly wording?: RefusalWording;
  /** Parameters that are accepted and then have no effect, e.g. `return_token_ids`, `stream`, `usage`. */
  readonly ignore?: readonly string[];
  /** Requests kept in `requests`, the last ones; default 10,000. */
  readonly keep?: number;
  readonly script?: Readonly<Record<string, Behaviour>>;
}

export function isFault(reply: Reply): reply is Fault {
  return typeof reply === "object" && "fault" in reply;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Of X-AgentFlow-Turn, where `0` says that the call stands outside the turns. */
export function toTurn(header: string | null): number | null {
  return header === null || header === "0" ? null : Number(header);
}
