// An engine that plays a script: per role a row of replies, or a function that answers. It fails on a call that
// the script does not foresee, and `done` fails on a reply that nobody asked for. It guesses nothing.

import type {
  ChatReply,
  ChatRequest,
  Engine,
  EngineError,
  EngineErrorCode,
  ReplyTokens,
  Role,
  SamplingSent,
  SamplingWanted,
  TokenUsage,
} from "../../src/engines/engine.ts";
import type { Clock } from "../../src/engines/clock.ts";
import { parseReply } from "../../src/engines/structured.ts";
import { err, ok, type Result } from "../../src/lib/result.ts";

interface HowItCame {
  /** Time that passes before the reply, on the engine's clock. */
  readonly takesMs?: number;
  /** Streamed before the reply stands, or before the try fails. */
  readonly deltas?: readonly string[];
}

interface ReplyFacts extends HowItCame {
  readonly usage?: TokenUsage;
  readonly tokens?: ReplyTokens;
  readonly finishReason?: string | null;
  readonly reasoning?: string;
  readonly modelServed?: string;
}

/** One try: a value (sent as JSON text), a text word for word, a failure, or silence until the call is aborted. */
export type Scripted =
  | (ReplyFacts & { readonly value: unknown })
  | (ReplyFacts & { readonly text: string })
  | (HowItCame & { readonly error: EngineErrorCode; readonly retryAfterMs?: number; readonly detail?: string })
  | (HowItCame & { readonly hang: true });

/** `index` counts the role's calls from 0. */
export type Responder = (request: ChatRequest, index: number) => Scripted;
export type Script = Partial<Readonly<Record<Role, readonly Scripted[] | Responder>>>;

/** A request as it was made; the schema by its name, since a Zod object cannot be frozen. */
export type RecordedRequest = Readonly<Omit<ChatRequest, "schema" | "onDelta">> & { readonly schema: string | null };

export interface ScriptedEngine extends Engine {
  readonly requests: readonly RecordedRequest[];
  requestsOf(role: Role): readonly RecordedRequest[];
  /** Throws on a call that was not in the script and on replies left over. */
  done(): void;
}

const retryableCodes: readonly EngineErrorCode[] = [
  "rate_limited",
  "server_error",
  "connection_failed",
  "engine_timeout",
  "stream_interrupted",
  "empty_reply",
];

/** What each reply costs unless it says otherwise. */
export const usualUsage: TokenUsage = { prompt_tokens: 10, completion_tokens: 5 };

export function createScriptedEngine(script: Script, clock: Clock): ScriptedEngine {
  const requests: RecordedRequest[] = [];
  const played = new Map<Role, number>();
  const faults: string[] = [];

  function scripted(request: ChatRequest): Scripted {
    const index = played.get(request.role) ?? 0;
    played.set(request.role, index + 1);
    const part = script[request.role];
    const next = typeof part === "function" ? part(request, index) : part?.[index];
    if (next === undefined) {
      const fault = `unexpected call ${index + 1} of the ${request.role} in turn ${request.turn ?? "-"}`;
      faults.push(fault);
      throw new Error(fault);
    }
    return next;
  }

  return {
    requests,
    requestsOf: (role) => requests.filter((request) => request.role === role),
    modelOf: (role) => `scripted-${role}`,
    async chat(request, signal) {
      if (signal.aborted) {
        return err(errorOf("aborted"));
      }
      requests.push(record(request));
      const reply = scripted(request);
      for (const delta of reply.deltas ?? []) {
        request.onDelta?.(delta);
      }
      if (reply.takesMs !== undefined) {
        await clock.sleep(reply.takesMs, signal);
      }
      if ("hang" in reply) {
        await aborting(signal);
      }
      return signal.aborted ? err(errorOf("aborted")) : answer(request, reply);
    },
    done() {
      const unused = Object.entries(script).flatMap(([role, part]) => {
        const calls = requests.filter((request) => request.role === role).length;
        return typeof part === "function" || part.length <= calls ? [] : [`${part.length - calls} of the ${role}`];
      });
      if (faults.length > 0 || unused.length > 0) {
        throw new Error([...faults, ...unused.map((text) => `unused replies: ${text}`)].join("; "));
      }
    },
  };
}

function answer(request: ChatRequest, reply: Scripted): Result<ChatReply, EngineError> {
  if ("hang" in reply) {
    throw new Error("silence has no answer");
  }
  if ("error" in reply) {
    return err(errorOf(reply.error, reply.detail, reply.retryAfterMs));
  }
  const text = "text" in reply ? reply.text : JSON.stringify(reply.value);
  return ok({
    text,
    reasoning: reply.reasoning ?? null,
    parsed: request.schema === undefined ? null : parseReply(request.schema, text),
    usage: reply.usage ?? usualUsage,
    finishReason: reply.finishReason === undefined ? "stop" : reply.finishReason,
    modelRequested: `scripted-${request.role}`,
    modelServed: reply.modelServed ?? `scripted-${request.role}`,
    engine: "scripted",
    guided: request.structure === "guided" && request.schema !== undefined,
    sampling: sent(request.sampling),
    tokens: reply.tokens ?? null,
  });
}

function errorOf(code: EngineErrorCode, detail = `scripted ${code}`, retryAfterMs: number | null = null): EngineError {
  return { code, detail, retryable: retryableCodes.includes(code), retryAfterMs };
}

function sent(wanted: SamplingWanted): SamplingSent {
  const neutral = wanted.neutral === true;
  return {
    temperature: wanted.temperature,
    top_p: wanted.topP ?? null,
    top_k: neutral ? -1 : null,
    min_p: neutral ? 0 : null,
    frequency_penalty: neutral ? 0 : null,
    presence_penalty: neutral ? 0 : null,
    repetition_penalty: neutral ? 1 : null,
    stop: null,
    max_tokens: wanted.maxTokens,
    seed: wanted.seed ?? null,
  };
}

function aborting(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => {
    resolve();
  });
  return signal.aborted ? Promise.resolve() : promise;
}

function record(request: ChatRequest): RecordedRequest {
  const { schema, onDelta: _onDelta, after: _after, ...rest } = request;
  return deepFreeze(structuredClone({ ...rest, schema: schema?.name ?? null }));
}

/** Freezes a value to its leaves, so that whoever changes it is found out. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
