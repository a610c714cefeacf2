// Every way a server has of failing, on a real socket, and the one code that each becomes.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createServer } from "node:http";
import { once } from "node:events";
import type { EngineError } from "../../../src/engines/engine.ts";
import { type MockOpenAi, type Reply, startMockOpenAi } from "../../support/mock-openai.ts";
import { engineOn, never, planning, request } from "./support.ts";

let mock: MockOpenAi;
beforeAll(async () => {
  mock = await startMockOpenAi();
});
afterEach(() => mock.reset());
afterAll(() => mock.close());

async function errorFor(reply: Reply, timeoutMs = 10_000): Promise<EngineError> {
  mock.on("generator", reply);
  const result = await engineOn(mock.url, { timeoutMs }).chat(request(), never);
  if (result.ok) {
    throw new Error(`expected a failure, got ${JSON.stringify(result.value.text)}`);
  }
  return result.error;
}

const status = (code: number, body?: unknown, headers: Record<string, string> = {}): Reply => ({
  fault: "status",
  status: code,
  headers,
  ...(body === undefined ? {} : { body }),
});

test.each<[Reply, EngineError["code"], boolean]>([
  [{ fault: "unauthorized" }, "engine_auth", false],
  [status(403), "engine_auth", false],
  [{ fault: "model_not_found" }, "model_not_found", false],
  [status(408), "engine_timeout", true],
  [status(409), "server_error", true],
  [{ fault: "rate_limited" }, "rate_limited", true],
  [status(429, { error: { message: "quota", code: "insufficient_quota" } }), "engine_refused", false],
  [{ fault: "server_error" }, "server_error", true],
  [status(503), "server_error", true],
  [status(529), "server_error", true],
  [status(418), "engine_refused", false],
  [status(400, { error: { message: "no", code: "content_filter" } }), "engine_refused", false],
  [{ fault: "reset" }, "connection_failed", true],
  [{ fault: "reset_mid_stream" }, "stream_interrupted", true],
  [{ fault: "eof_mid_stream" }, "stream_interrupted", true],
  [{ fault: "error_in_stream" }, "server_error", true],
  [{ fault: "not_json" }, "bad_reply", false],
  [{ fault: "empty" }, "empty_reply", true],
  [{ fault: "endless" }, "reply_too_large", false],
  [{ fault: "context_limit", wording: "openai" }, "context_limit", false],
  [{ fault: "context_limit", wording: "vllm" }, "context_limit", false],
  [{ fault: "context_limit", wording: "llamacpp" }, "context_limit", false],
  [{ fault: "context_limit", wording: "ollama" }, "context_limit", false],
  [{ fault: "context_limit", wording: "lmstudio" }, "context_limit", false],
  [{ fault: "context_limit", wording: "workers-ai" }, "context_limit", false],
])("%j is %s, retryable: %s", async (reply, code, retryable) => {
  expect(await errorFor(reply)).toMatchObject({ code, retryable });
});

test.each<Reply>([{ fault: "hang" }, { fault: "hang_mid_stream" }])("%j ends at the deadline", async (reply) => {
  const error = await errorFor(reply, 150);
  expect(error).toMatchObject({ code: "engine_timeout", retryable: true });
  await expect.poll(() => mock.requests[0]?.cut).toBe(true);
});

test("a slow stream that ends in time is a reply", async () => {
  mock.on("generator", { text: "drip drip drip", chunkMs: 10 });
  expect(await engineOn(mock.url).chat(request(), never)).toMatchObject({
    ok: true,
    value: { text: "drip drip drip" },
  });
});

describe("how long to wait", () => {
  test.each<[Record<string, string>, number | null]>([
    [{ "retry-after": "7" }, 7_000],
    [{ "retry-after": "0.5" }, 500],
    [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
    [{ "retry-after": "soon" }, null],
    [{ "retry-after": "-3" }, null],
    [{}, null],
  ])("%j is %s ms", async (headers, expected) => {
    const { retryAfterMs } = await errorFor(status(429, undefined, headers));
    expect(retryAfterMs).toBe(expected);
  });

  test("an HTTP date is counted from now", async () => {
    const date = new Date(Date.now() + 30_000).toUTCString();
    const { retryAfterMs } = await errorFor(status(503, undefined, { "retry-after": date }));
    expect(retryAfterMs).toBeGreaterThan(25_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  test("x-should-retry overrules the status", async () => {
    expect(await errorFor(status(500, undefined, { "x-should-retry": "false" }))).toMatchObject({ retryable: false });
    expect(await errorFor(status(418, undefined, { "x-should-retry": "true" }))).toMatchObject({ retryable: true });
  });
});

test("an abort ends the call at once, before it and during it", async () => {
  mock.on("generator", { fault: "hang_mid_stream" });
  const caller = new AbortController();
  const running = engineOn(mock.url).chat(request({ onDelta: () => caller.abort() }), caller.signal);
  expect(await running).toMatchObject({ ok: false, error: { code: "aborted", retryable: false } });
  const total = mock.total;
  expect(await engineOn(mock.url).chat(request(), caller.signal)).toMatchObject({
    ok: false,
    error: { code: "aborted" },
  });
  expect(mock.total).toBe(total);
});

test("a listener that throws is a bug of the caller, not of the server", async () => {
  const onDelta = () => {
    throw new Error("no room to draw");
  };
  await expect(engineOn(mock.url).chat(request({ onDelta }), never)).rejects.toThrow("no room to draw");
});

test("an endless stream is cut at the cap and the connection closed", async () => {
  mock.on("generator", { fault: "endless" });
  let heard = 0;
  const asked = request({ maxReplyBytes: 5_000, onDelta: (text) => (heard += text.length) });
  const result = await engineOn(mock.url).chat(asked, never);
  expect(result).toMatchObject({ ok: false, error: { code: "reply_too_large", retryable: false } });
  expect(heard).toBeLessThanOrEqual(5_000);
  await expect.poll(() => mock.requests[0]?.cut).toBe(true);
});

test("an endless whole reply is cut too", async () => {
  mock.set({ refuse: ["stream"] });
  mock.on("generator", { fault: "endless" });
  const result = await engineOn(mock.url).chat(request({ maxReplyBytes: 1_000 }), never);
  expect(result).toMatchObject({ ok: false, error: { code: "reply_too_large" } });
});

test("nobody listening is connection_failed, and the detail names the host", async () => {
  const gone = await startMockOpenAi();
  await gone.close();
  const result = await engineOn(gone.url).chat(request(), never);
  expect(result).toMatchObject({ ok: false, error: { code: "connection_failed", retryable: true } });
  expect(result.ok ? "" : result.error.detail).toContain("127.0.0.1:");
});

test("a redirect is refused, so that neither prompt nor key goes elsewhere", async () => {
  const result = await engineOn(mock.url).chat(request(), never);
  expect(result.ok).toBe(true);
  const error = await errorFor(status(307, {}, { location: `${mock.url}/elsewhere` }));
  expect(error).toMatchObject({ code: "engine_refused", retryable: false });
  expect(mock.total).toBe(2);
});

test("the key that was sent is in no error, even if the server repeats it", async () => {
  mock.on("*", { fault: "unauthorized" });
  const config = { INFERENCE_API_KEY: "very-secret-key-1" };
  const result = await engineOn(mock.url, { config }).chat(planning(), never);
  expect(mock.requests[0]?.headers.authorization).toBe("Bearer very-secret-key-1");
  expect(JSON.stringify(result)).not.toContain("very-secret");
  expect(result).toMatchObject({ ok: false, error: { detail: "HTTP 401: Incorrect API key provided: [key]." } });
});

/** A server that writes bytes as given, for what the mock is too well behaved to say. */
async function rawServer(contentType: string, body: string, close: "end" | "destroy" = "end") {
  const server = createServer((incoming, response) => {
    incoming.resume();
    response.writeHead(200, { "content-type": contentType });
    if (close === "end") {
      response.end(body);
    } else {
      response.write(body, () => setTimeout(() => response.destroy(), 20));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}/v1`, stop: () => server.close() };
}

const word = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;

test.each<[string, string, string, string]>([
  ["no byte of a JSON body", "application/json", "", "stream_interrupted"],
  ["half a JSON body", "application/json", '{"choices":[', "bad_reply"],
  ["JSON that is no completion", "application/json", '{"choices":[{"index":"x"}]}', "bad_reply"],
  ["a completion without a choice", "application/json", '{"choices":[]}', "bad_reply"],
  ["an empty stream", "text/event-stream", "", "stream_interrupted"],
  ["a stream of [DONE] alone", "text/event-stream", "data: [DONE]\n\n", "stream_interrupted"],
  ["an event cut in two", "text/event-stream", `${word("a")}data: {"choi`, "stream_interrupted"],
  ["an event that is not JSON", "text/event-stream", `data: what?\n\n${word("a", "stop").repeat(3_000)}`, "bad_reply"],
])("%s", async (_, contentType, body, code) => {
  const server = await rawServer(contentType, body);
  const result = await engineOn(server.url).chat(request(), never);
  server.stop();
  expect(result).toMatchObject({ ok: false, error: { code } });
});

test("[DONE] without a finish reason ends a reply; a reset after the finish reason does not spoil it", async () => {
  const early = await rawServer("text/event-stream", `${word("whole")}data: [DONE]\n\n`);
  expect(await engineOn(early.url).chat(request(), never)).toMatchObject({ ok: true, value: { finishReason: null } });
  early.stop();
  const late = await rawServer("text/event-stream", `${word("whole")}${word("", "stop")}`, "destroy");
  expect(await engineOn(late.url).chat(request(), never)).toMatchObject({ ok: true, value: { text: "whole" } });
  late.stop();
});

test.each([1_200_000, 3_000_000])("one event of %d bytes cannot fill the memory", async (bytes) => {
  const server = await rawServer("text/event-stream", `data: ${"x".repeat(bytes)}`);
  const result = await engineOn(server.url).chat(request({ maxReplyBytes: 1_000 }), never);
  server.stop();
  expect(result).toMatchObject({ ok: false, error: { code: "reply_too_large" } });
});
