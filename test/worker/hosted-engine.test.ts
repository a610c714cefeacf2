// The hosted engine inside workerd: the SDK, the byte-counting stream and the abort run on workerd's own Response,
// streams and signals. The server is a function here, because no Node server can be started from inside; the
// black-box lane talks to the real mock.

import { expect, test } from "vitest";
import type { ChatRequest, Engine } from "../../src/engines/engine.ts";
import { createClock } from "../../src/engines/clock.ts";
import { createMemoryCapabilityStore } from "../../src/engines/hosted/capabilities.ts";
import { createHostedEngine } from "../../src/engines/hosted/engine.ts";
import type { Fetch } from "../../src/engines/hosted/transport.ts";

const asked: ChatRequest = {
  role: "planner",
  runId: "run_1",
  turn: 1,
  messages: [{ role: "user", content: "Plan." }],
  sampling: { temperature: 0.7, maxTokens: 64, neutral: true },
  structure: "free",
  capture: "tokens",
  maxReplyBytes: 2_000,
};

function engineWith(fetch: Fetch, timeoutMs = 10_000): Engine {
  return createHostedEngine({
    endpointOf: () => ({
      kind: "hosted",
      endpoint: { baseUrl: "http://model.test/v1", model: "m", apiKey: "worker-key", logprobsMode: "processed" },
    }),
    capabilities: createMemoryCapabilityStore(),
    fetch,
    policyFetch: fetch,
    clock: createClock(() => Date.now()),
    timeoutMs,
  });
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;

function word(text: string, id: number, finish: string | null = null): string {
  const logprobs = { content: [{ token: text, logprob: -0.5 }] };
  return event({
    model: "m-1",
    choices: [{ index: 0, delta: { content: text }, finish_reason: finish, token_ids: [id], logprobs }],
  });
}

/** A stream that gives its pieces one by one and then ends, or never does. */
function streaming(pieces: Iterable<string>, end: "close" | "hang", cancelled?: () => void): Response {
  const encoder = new TextEncoder();
  const iterator = pieces[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = iterator.next();
      if (next.done !== true) {
        controller.enqueue(encoder.encode(next.value));
      } else if (end === "close") {
        controller.close();
      } else {
        await Promise.withResolvers<void>().promise;
      }
    },
    cancel: () => cancelled?.(),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

const whole = [
  event({ prompt_token_ids: [1, 2], choices: [{ index: 0, delta: { role: "assistant", content: "" } }] }),
  word("six", 3),
  word(" sevens", 4, "stop"),
  event({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 2 } }),
  "data: [DONE]\n\n",
];

const never = new AbortController().signal;

test("a streamed reply with ids and log-probs", async () => {
  const seen: Headers[] = [];
  const deltas: string[] = [];
  const engine = engineWith((_, init) => {
    seen.push(new Headers(init.headers));
    return Promise.resolve(streaming(whole, "close"));
  });
  const result = await engine.chat({ ...asked, onDelta: (text) => deltas.push(text) }, never);
  expect(result).toMatchObject({
    ok: true,
    value: {
      text: "six sevens",
      modelServed: "m-1",
      usage: { prompt_tokens: 2, completion_tokens: 2 },
      tokens: {
        prompt_token_ids: [1, 2],
        response_token_ids: [3, 4],
        response_logprobs: [-0.5, -0.5],
        logprobs_mode: "processed",
      },
    },
  });
  expect(deltas).toEqual(["six", " sevens"]);
  expect(Object.fromEntries(seen[0] ?? [])).toEqual({
    accept: "text/event-stream, application/json",
    authorization: "Bearer worker-key",
    "content-type": "application/json",
    "x-agentflow-role": "planner",
    "x-agentflow-run": "run_1",
    "x-agentflow-turn": "1",
  });
});

test("a refused parameter is left out and the reply read", async () => {
  const bodies: string[] = [];
  const engine = engineWith((_, init) => {
    const body = JSON.stringify(init.body);
    bodies.push(body);
    const refuses = body.includes("return_token_ids");
    return Promise.resolve(
      refuses
        ? Response.json({ error: { message: "Unknown parameter: return_token_ids" } }, { status: 400 })
        : Response.json({ choices: [{ message: { content: "whole" }, finish_reason: "stop" }] }),
    );
  });
  expect(await engine.chat(asked, never)).toMatchObject({ ok: true, value: { text: "whole", tokens: null } });
  expect(bodies).toHaveLength(2);
});

test("a caller's abort and the deadline end a stream that hangs", async () => {
  const caller = new AbortController();
  const hang: Fetch = () => Promise.resolve(streaming(whole.slice(0, 2), "hang"));
  const aborting = engineWith(hang).chat({ ...asked, onDelta: () => caller.abort() }, caller.signal);
  expect(await aborting).toMatchObject({ ok: false, error: { code: "aborted" } });
  expect(await engineWith(hang, 100).chat(asked, never)).toMatchObject({
    ok: false,
    error: { code: "engine_timeout" },
  });
});

test("an endless stream is cut at the cap, and its source is told", async () => {
  let cancelled = false;
  function* endless() {
    for (;;) {
      yield word("and so on ".repeat(20), 5);
    }
  }
  const engine = engineWith(() => Promise.resolve(streaming(endless(), "hang", () => (cancelled = true))));
  expect(await engine.chat(asked, never)).toMatchObject({ ok: false, error: { code: "reply_too_large" } });
  expect(cancelled).toBe(true);
});

test("a network fault and a refused redirect are values, not exceptions", async () => {
  const broken = engineWith(() => Promise.reject(new TypeError("Network connection lost.")));
  expect(await broken.chat(asked, never)).toMatchObject({
    ok: false,
    error: { code: "connection_failed", retryable: true },
  });
  const moved = engineWith(() =>
    Promise.resolve(new Response(null, { status: 307, headers: { location: "http://elsewhere/" } })),
  );
  expect(await moved.chat(asked, never)).toMatchObject({ ok: false, error: { code: "engine_refused" } });
});
