// From what a server answered, or how the connection broke, to one EngineError. Details are short, for people, and
// hold no key; a refusal of the request itself is marked, because a narrower request may pass.

import * as z from "zod";
import type { EngineError, EngineErrorCode } from "../engine.ts";
import type { Refusal } from "./negotiation.ts";

export interface Fault {
  readonly error: EngineError;
  /** Set where the server refused the request as such. */
  readonly refusal: Refusal | null;
}

const MAX_DETAIL = 300;

export function fault(code: EngineErrorCode, detail: string, retryable: boolean): Fault {
  return { error: { code, detail, retryable, retryAfterMs: null }, refusal: null };
}

export interface HttpFailure {
  readonly status: number;
  readonly headers: Headers | null;
  readonly text: string;
  readonly now: number;
  readonly secrets: readonly string[];
}

export function faultOfHttp(failure: HttpFailure): Fault {
  const said = readErrorBody(failure.text);
  const verdict = judge(failure.status, said);
  const hint = failure.headers?.get("x-should-retry");
  const detail = `HTTP ${failure.status}: ${said.message === "" ? "no message" : said.message}`;
  const isRefusal = verdict.code === "engine_refused" && [400, 422, 501].includes(failure.status) && !isPolicy(said);
  return {
    error: {
      code: verdict.code,
      detail: redact(detail, failure.secrets),
      retryable: hint === "true" || (verdict.retryable && hint !== "false"),
      retryAfterMs: readRetryAfter(failure.headers, failure.now),
    },
    refusal: isRefusal ? { message: said.message, param: said.param } : null,
  };
}

/** An error that arrives in a 200: in a stream, or in the body of servers that always say 200. */
export function faultOfErrorBody(body: unknown, now: number, secrets: readonly string[]): Fault {
  const text = JSON.stringify(body);
  const { code } = readErrorBody(text);
  const status = /^[45]\d\d$/u.test(code) ? Number(code) : 500;
  return faultOfHttp({ status, headers: null, text, now, secrets });
}

interface Verdict {
  readonly code: EngineErrorCode;
  readonly retryable: boolean;
}

function judge(status: number, said: ErrorBody): Verdict {
  if (isContextLimit(said)) {
    return { code: "context_limit", retryable: false };
  }
  switch (status) {
    case 401:
    case 403:
      return { code: "engine_auth", retryable: false };
    case 404:
      return { code: "model_not_found", retryable: false };
    case 408:
      return { code: "engine_timeout", retryable: true };
    case 409:
    case 425:
      return { code: "server_error", retryable: true };
    case 429:
      // OpenAI's spent quota looks like a rate limit and never passes by itself.
      return said.code === "insufficient_quota"
        ? { code: "engine_refused", retryable: false }
        : { code: "rate_limited", retryable: true };
    case 501:
      return { code: "engine_refused", retryable: false };
    default:
      return status >= 500 ? { code: "server_error", retryable: true } : { code: "engine_refused", retryable: false };
  }
}

/**
 * How servers say that the prompt does not fit: OpenAI, vLLM, llama.cpp (400 or 500), llama-cpp-python, Ollama,
 * LM Studio, Workers AI, Anthropic's and Mistral's compatible endpoints.
 */
const CONTEXT_LIMIT = [
  /context_length_exceeded|exceed_context_size|context_window_exceeded/iu,
  /maximum context length|max(?:imum)? (?:model|input|prompt) len/iu,
  /exceed\w*[^.]{0,60}\bcontext (?:size|window|length|limit)/iu,
  /\bcontext (?:size|window|length|limit)\b[^.]{0,60}(?:exceed|not enough|overflow)/iu,
  /(?:prompt|input)[^.]{0,40}\b(?:is )?too (?:long|large)\b/iu,
  /when context the overflows|greater than the context length/iu,
  /input tokens exceed|max_tokens must be at least 1, got -/iu,
];

function isContextLimit(said: ErrorBody): boolean {
  const text = `${said.code} ${said.type} ${said.message}`;
  return CONTEXT_LIMIT.some((pattern) => pattern.test(text));
}

/** What the content was refused for does not change with the parameters. */
function isPolicy(said: ErrorBody): boolean {
  return /content_?filter|content_policy|moderation/iu.test(`${said.code} ${said.type}`);
}

interface ErrorBody {
  readonly message: string;
  readonly code: string;
  readonly type: string;
  readonly param: string | null;
}

const Inner = z
  .looseObject({ message: z.unknown(), code: z.unknown(), type: z.unknown(), param: z.unknown() })
  .partial();
const Outer = z
  .looseObject({ error: z.unknown(), errors: z.array(z.unknown()), detail: z.unknown(), message: z.unknown() })
  .partial();

/** OpenAI's `{error: {…}}`, vLLM's old flat form, FastAPI's `{detail}`, Cloudflare's `{errors: […]}`, plain text. */
function readErrorBody(text: string): ErrorBody {
  const outer = Outer.safeParse(parseJson(text));
  if (!outer.success) {
    return { message: plain(text), code: "", type: "", param: null };
  }
  const { error, errors, detail } = outer.data;
  const source = error ?? errors?.[0] ?? outer.data;
  const inner = Inner.safeParse(source);
  if (!inner.success) {
    return { message: words(source), code: "", type: "", param: null };
  }
  const { message, code, type, param } = inner.data;
  return {
    message: words(message ?? detail ?? source),
    code: word(code),
    type: word(type),
    param: typeof param === "string" && param !== "" ? param : null,
  };
}

function words(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function word(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

/** Error pages are reduced to their words. */
function plain(text: string): string {
  return text.slice(0, 4_096).replaceAll(/<[^>]{0,500}>/gu, " ");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Takes out the key that was sent and whatever else looks like one, then cuts to a line. */
export function redact(detail: string, secrets: readonly string[]): string {
  let text = detail;
  for (const secret of secrets) {
    text = secret === "" ? text : text.replaceAll(secret, "[key]");
  }
  return text
    .replaceAll(/\bBearer\s+[^\s"',]+/giu, "Bearer [key]")
    .replaceAll(/\bsk-[\w*.-]{4,}/gu, "[key]")
    .replaceAll(/\s+/gu, " ")
    .trim()
    .slice(0, MAX_DETAIL);
}

/** Milliseconds; `retry-after-ms` before `Retry-After` in seconds or as a date. Null where absent or nonsense. */
function readRetryAfter(headers: Headers | null, now: number): number | null {
  const ms = positive(headers?.get("retry-after-ms"));
  if (ms !== null) {
    return ms;
  }
  const value = headers?.get("retry-after") ?? null;
  const seconds = positive(value);
  if (seconds !== null) {
    return seconds * 1_000;
  }
  // `Date.parse` finds a date in almost anything; an HTTP date names its day or its zone.
  const at = value !== null && /[a-z]{3}/iu.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

function positive(value: string | null | undefined): number | null {
  return value !== null && value !== undefined && /^\s*\d+(?:\.\d+)?\s*$/u.test(value) ? Number(value) : null;
}
