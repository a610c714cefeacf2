// The model of the session tests: an OpenAI-compatible server behind the test Worker's own `fetch`, so that the real
// engine runs in the object. It speaks as the mock server does, and it can hold a call until the test lets it go.

import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { pieces, render } from "./mock-openai/completion.ts";
import { defaultReply } from "./mock-openai/replies.ts";
import { type RecordedRequest, toTurn } from "./mock-openai/script.ts";
import { present, until } from "./session-object.ts";

const origin = "http://model.test";

/** A call as it came in. */
export interface ModelCall extends RecordedRequest {
  /** From 1, over all roles. */
  readonly index: number;
  /** The caller went away before the reply. */
  readonly isAborted: () => boolean;
}

export type Reply =
  | { readonly text: string }
  | { readonly status: number }
  /** Nothing, until the caller goes away. */
  | "hang"
  /** The reply, word by word; after `pieces` of them it waits for `until`. */
  | { readonly text: string; readonly pieces: number; readonly until: Promise<void> };

export type Behaviour = (call: ModelCall) => Reply | null;

export interface SessionModel {
  readonly calls: readonly ModelCall[];
  callsOf(role: string): ModelCall[];
  /** What to answer from now on; null leaves a call to the default reply. */
  play(behaviour: Behaviour): void;
  /** Resolves when so many calls have come in, with the last of them. */
  arrived(count: number): Promise<ModelCall>;
}

/** Answers for `stopAtTurn` turns with the tool that needs no sandbox, and points the Worker's variables at itself. */
export function startSessionModel(stopAtTurn = 2): SessionModel {
  Object.assign(env, {
    INFERENCE_BASE_URL: `${origin}/v1`,
    INFERENCE_MODEL: "mock",
    // As the session tests' runs name it.
    PLANNER_VERSION: "planner-7",
    // For policies, which are tenants' URLs.
    FETCH_ALLOW: `${new URL(origin).host}:80`,
  });
  const calls: ModelCall[] = [];
  let behaviour: Behaviour = () => null;

  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(origin)) {
      throw new Error(`the session tests reach nothing but their model, and this was ${url}`);
    }
    const call = recordCall(calls, new Headers(init?.headers), init?.body, init?.signal ?? null);
    calls.push(call);
    const reply = behaviour(call) ?? { text: defaultReply(call, { stopAtTurn, tool: "base_generator" }) };
    return toResponse(call, reply, init?.signal ?? null);
  });

  return {
    calls,
    callsOf: (role) => calls.filter((call) => call.role === role),
    play(next) {
      behaviour = next;
    },
    async arrived(count) {
      await until(() => calls.length >= count);
      return present(calls[count - 1], `call ${count}`);
    },
  };
}

function recordCall(
  calls: readonly ModelCall[],
  headers: Headers,
  body: unknown,
  signal: AbortSignal | null,
): ModelCall {
  const role = headers.get("x-agentflow-role") ?? "none";
  const parsed: unknown = JSON.parse(typeof body === "string" ? body : "{}");
  return {
    index: calls.length + 1,
    method: "POST",
    path: "/v1/chat/completions",
    headers: Object.fromEntries(headers),
    body: typeof parsed === "object" && parsed !== null ? { ...parsed } : {},
    role,
    run: headers.get("x-agentflow-run"),
    turn: toTurn(headers.get("x-agentflow-turn")),
    n: calls.filter((call) => call.role === role).length + 1,
    cut: false,
    isAborted: () => signal?.aborted ?? false,
  };
}

async function toResponse(call: ModelCall, reply: Reply, signal: AbortSignal | null): Promise<Response> {
  if (reply === "hang") {
    return untilAborted(signal);
  }
  if ("status" in reply) {
    return Response.json({ error: { message: "scripted" } }, { status: reply.status });
  }
  const rendered = render(call, { text: reply.text }, new Set());
  const parts = [...pieces(rendered, call.body, new Set()), "data: [DONE]\n\n"];
  const hold = "pieces" in reply ? reply : { pieces: parts.length, until: Promise.resolve() };
  return new Response(streamOf(parts, hold), { headers: { "content-type": "text/event-stream" } });
}

function untilAborted(signal: AbortSignal | null): Promise<Response> {
  const { promise, reject } = Promise.withResolvers<Response>();
  signal?.addEventListener("abort", () => {
    reject(new DOMException("aborted", "AbortError"));
  });
  return promise;
}

function streamOf(
  parts: readonly string[],
  hold: { pieces: number; until: Promise<void> },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent === hold.pieces) {
        await hold.until;
      }
      const part = parts[sent];
      sent += 1;
      if (part === undefined) {
        controller.close();
      } else {
        controller.enqueue(encoder.encode(part));
      }
    },
  });
}
