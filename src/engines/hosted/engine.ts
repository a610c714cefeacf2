// The hosted engine: any OpenAI-compatible server behind the Engine port, one endpoint per role or the one that a
// policy brings. A chat is one try; the only requests it repeats are those that the server refused as requests,
// each time with less in them. It does not retry, and it never sends a key to a host it was not configured for.

import { memo } from "../../lib/memo.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { utf8Length } from "../../lib/utf8-length.ts";
import type { Clock } from "../clock.ts";
import { normaliseBaseUrl } from "../../lib/base-url.ts";
import type { Endpoint, EndpointChoice } from "../endpoints.ts";
import type { ChatReply, ChatRequest, Engine, EngineError, Role } from "../engine.ts";
import { aborted } from "../retry.ts";
import { parseReply } from "../structured.ts";
import { ask, type Asking } from "./ask.ts";
import type { Assembly } from "./assembly.ts";
import { capabilityKey, type CapabilityStore, readRefused, rememberRefused } from "./capabilities.ts";
import { fault, type Fault } from "./faults.ts";
import { learntFrom, narrow, type Negotiation, startNegotiation } from "./negotiation.ts";
import { type Prepared, prepareBody } from "./request-body.ts";
import { createClient, type Fetch } from "./transport.ts";

export interface HostedOptions {
  readonly endpointOf: (role: Role) => EndpointChoice;
  readonly capabilities: CapabilityStore;
  /** For endpoints that the operator configured. */
  readonly fetch: Fetch;
  /** For endpoints that a tenant registered: the guarded one. */
  readonly policyFetch: Fetch;
  readonly clock: Clock;
  /** For one chat, negotiation included; default 120 s. */
  readonly timeoutMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 120_000;
/** Every feature refused one by one, and then some; only a server that makes up its mind anew each time gets there. */
const MAX_ASKS = 18;
const NO_MODEL = "unconfigured";
/** A deployment talks to a handful of servers; tenants may register any number of them. */
const MAX_CLIENTS = 64;

interface Target {
  readonly endpoint: Endpoint;
  readonly fetch: Fetch;
}

export function createHostedEngine(options: HostedOptions): Engine {
  // One client a server, for building one costs as much as a call. It holds nothing that tells two calls apart.
  const clientOf = memo(createClient, MAX_CLIENTS);
  return {
    modelOf(role) {
      const choice = options.endpointOf(role);
      return choice.kind === "hosted" ? choice.endpoint.model : NO_MODEL;
    },
    async chat(request, signal) {
      if (signal.aborted) {
        return err(aborted());
      }
      const target = targetOf(request, options);
      if (!target.ok) {
        return target;
      }
      const after = request.after ?? options.clock.after;
      const scope = openScope(signal, after, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
      try {
        const client = clientOf(target.value.endpoint.baseUrl);
        return await negotiate(request, { ...target.value, client }, scope, options);
      } finally {
        scope.close();
      }
    },
  };
}

/** A policy's endpoint comes with its own key and nothing from the environment. */
function targetOf(request: ChatRequest, options: HostedOptions): Result<Target, EngineError> {
  const { policy } = request;
  if (policy?.kind === "hosted") {
    const url = normaliseBaseUrl(policy.baseUrl);
    if (!url.ok) {
      return err(notConfigured(`the policy's base_url ${url.error}`));
    }
    const { model, apiKey, logprobsMode = "unknown" } = policy;
    return ok({ endpoint: { baseUrl: url.value, model, apiKey, logprobsMode }, fetch: options.policyFetch });
  }
  const choice = options.endpointOf(request.role);
  switch (choice.kind) {
    case "hosted":
      return ok({ endpoint: choice.endpoint, fetch: options.fetch });
    case "invalid":
      return err(notConfigured(choice.detail));
    case "offline":
      return err(notConfigured(`no endpoint is configured for the ${request.role}`));
    default:
      return unreachable(choice);
  }
}

function notConfigured(detail: string): EngineError {
  return { code: "engine_not_configured", detail, retryable: false, retryAfterMs: null };
}

interface Scope {
  readonly signal: AbortSignal;
  readonly after: Clock["after"];
  readonly stoppedBy: () => "caller" | "deadline" | null;
  /** Ends the deadline of the call; what is left of a body was let go by its reader. */
  close(): void;
}

function openScope(caller: AbortSignal, after: Clock["after"], timeoutMs: number): Scope {
  const call = new AbortController();
  let deadlinePassed = false;
  const onAbort = () => call.abort();
  caller.addEventListener("abort", onAbort, { once: true });
  const stopTimer = after(timeoutMs, () => {
    deadlinePassed = true;
    call.abort();
  });
  return {
    signal: call.signal,
    after,
    stoppedBy: () => (caller.aborted ? "caller" : deadlinePassed ? "deadline" : null),
    close() {
      caller.removeEventListener("abort", onAbort);
      stopTimer();
    },
  };
}

async function negotiate(
  request: ChatRequest,
  target: Target & Pick<Asking, "client">,
  scope: Scope,
  options: HostedOptions,
): Promise<Result<ChatReply, EngineError>> {
  const { endpoint } = target;
  const key = capabilityKey(endpoint.baseUrl, endpoint.model);
  const known = await readRefused(options.capabilities, key, options.clock.now());
  let heard = false;
  const asking: Asking = {
    ...target,
    signal: scope.signal,
    stoppedBy: scope.stoppedBy,
    clock: { now: options.clock.now, after: scope.after },
    headers: headersOf(request),
    maxReplyBytes: request.maxReplyBytes,
    onText(text) {
      heard = true;
      request.onDelta?.(text);
    },
  };
  let state: Negotiation = startNegotiation(known);
  let first: Fault | null = null;
  for (let asks = 1; ; asks += 1) {
    const prepared = prepareBody(request, endpoint.model, state.refused);
    const answer = await ask(prepared.body, asking);
    if (answer.ok) {
      const learnt = learntFrom(state);
      if ([...learnt].some((one) => !known.has(one))) {
        await rememberRefused(options.capabilities, key, learnt, options.clock.now());
      }
      return toReply(request, endpoint, prepared, answer.value);
    }
    // The first refusal is the one that the whole request got; what narrower ones got may be beside the point.
    first ??= answer.error;
    const { refusal } = answer.error;
    const next = refusal === null || heard || asks >= MAX_ASKS ? null : narrow(state, refusal, prepared.sent);
    if (next === null) {
      return err(refusal === null ? answer.error.error : first.error);
    }
    state = next;
  }
}

/** So that a gateway, or a test, can tell the calls apart. Turns count from 1; 0 = outside them. */
function headersOf(request: ChatRequest): Record<string, string> {
  return {
    "x-agentflow-role": request.role,
    "x-agentflow-run": request.runId,
    "x-agentflow-turn": String(request.turn ?? 0),
  };
}

function toReply(
  request: ChatRequest,
  endpoint: Endpoint,
  prepared: Prepared,
  assembly: Assembly,
): Result<ChatReply, EngineError> {
  const { text, reasoning } = assembly;
  // The planner's empty reply is what the policy sampled, and its turn; any other module simply did not answer.
  if (text.trim() === "" && request.role !== "planner") {
    // Cut by its token limit before the first word, it would be cut again.
    const isCut = assembly.finishReason === "length";
    const detail = isCut ? "the reply was empty: the token limit went to reasoning" : "the reply was empty";
    return err(fault("empty_reply", detail, !isCut).error);
  }
  const promptBytes = () => request.messages.reduce((sum, { content }) => sum + utf8Length(content), 0);
  return ok({
    text,
    reasoning: reasoning === "" ? null : reasoning,
    parsed: request.schema === undefined ? null : parseReply(request.schema, text),
    usage: assembly.usage(promptBytes),
    finishReason: assembly.finishReason,
    modelRequested: endpoint.model,
    modelServed: assembly.model ?? endpoint.model,
    engine: "openai-compatible",
    guided: prepared.guided,
    sampling: prepared.sampling,
    tokens: request.capture === "tokens" ? assembly.tokens(endpoint.logprobsMode) : null,
  });
}
