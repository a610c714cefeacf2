// A reply read from a real socket: text, reasoning, usage, token ids and log-probs, streamed or whole.

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ChatReply } from "../../../src/engines/engine.ts";
import { tokenise } from "../../support/mock-openai/completion.ts";
import { type MockOpenAi, type RecordedRequest, startMockOpenAi } from "../../support/mock-openai.ts";
import { engineOn, never, planning, request, verdictSchema } from "./support.ts";

let mock: MockOpenAi;
beforeAll(async () => {
  mock = await startMockOpenAi();
});
afterEach(() => mock.reset());
afterAll(() => mock.close());

async function replyTo(asked: Parameters<ReturnType<typeof engineOn>["chat"]>[0]): Promise<ChatReply> {
  const result = await engineOn(mock.url).chat(asked, never);
  if (!result.ok) {
    throw new Error(`${result.error.code}: ${result.error.detail}`);
  }
  return result.value;
}

test("a streamed reply arrives piece by piece and whole", async () => {
  mock.on("generator", "The answer is 42.");
  const pieces: string[] = [];
  const reply = await replyTo(request({ onDelta: (text) => pieces.push(text) }));
  expect(pieces).toEqual(["The", " answer", " is", " 42."]);
  expect(reply).toEqual({
    text: "The answer is 42.",
    reasoning: null,
    parsed: null,
    usage: { prompt_tokens: 5, completion_tokens: 5 },
    finishReason: "stop",
    modelRequested: "mock-model",
    modelServed: "mock-model",
    engine: "openai-compatible",
    guided: false,
    sampling: {
      temperature: 0,
      top_p: null,
      top_k: null,
      min_p: null,
      frequency_penalty: null,
      presence_penalty: null,
      repetition_penalty: null,
      stop: null,
      max_tokens: 256,
      seed: null,
    },
    tokens: null,
  });
});

test("a server that ignores stream: true and answers whole is read whole, and its text is one piece", async () => {
  mock.set({ ignore: ["stream"] });
  mock.on("generator", { text: "All at once.", reasoning: "Hm.", model: "served-model" });
  const pieces: string[] = [];
  const reply = await replyTo(request({ onDelta: (text) => pieces.push(text) }));
  expect(pieces).toEqual(["All at once."]);
  expect(reply).toMatchObject({ text: "All at once.", reasoning: "Hm.", modelServed: "served-model" });
});

test("reasoning is kept apart from the text", async () => {
  mock.on("generator", { text: "42", reasoning: "six sevens are" });
  expect(await replyTo(request())).toMatchObject({ text: "42", reasoning: "six sevens are" });
});

test.each([{ ignore: [] }, { ignore: ["stream"] }])(
  "the planner's ids and log-probs are the server's ($ignore)",
  async ({ ignore }) => {
    mock.set({ ignore });
    mock.on("planner", "Use the tool");
    const reply = await replyTo(planning());
    const words = tokenise("Use the tool");
    expect(reply.tokens).toEqual({
      prompt_token_ids: tokenise("What is six times seven?").map((token) => token.id),
      response_token_ids: [...words.map((token) => token.id), 151_645],
      response_logprobs: [...words.map((token) => token.logprob), -0.001],
      logprobs_mode: "unknown",
    });
    expect(reply.parsed).toMatchObject({ how: "none" });
  },
);

test("the sampled tokens of the reasoning are the policy's too", async () => {
  mock.on("planner", { text: "Plan.", reasoning: "I think so" });
  const reply = await replyTo(planning());
  expect(reply.tokens?.response_token_ids).toHaveLength(5);
  expect(reply.usage.completion_tokens).toBe(5);
});

test("log-probs that are not given are null, not zero", async () => {
  mock.set({ ignore: ["logprobs"] });
  const reply = await replyTo(planning());
  expect(reply.tokens?.response_token_ids.length).toBeGreaterThan(3);
  expect(reply.tokens?.response_logprobs).toBeNull();
});

test("a server that gives no ids gives no tokens", async () => {
  mock.set({ ignore: ["return_token_ids"] });
  expect((await replyTo(planning())).tokens).toBeNull();
});

test("tokens are not asked for where text is enough", async () => {
  await replyTo(planning({ capture: "text" }));
  expect(mock.requests[0]?.body).not.toHaveProperty("return_token_ids");
  expect(mock.requests[0]?.body).not.toHaveProperty("logprobs");
});

test("without usage the ids are counted, and without ids four bytes make a token", async () => {
  mock.set({ ignore: ["usage"] });
  mock.on("planner", "Use the tool");
  expect((await replyTo(planning())).usage).toEqual({ prompt_tokens: 5, completion_tokens: 4 });
  mock.on("generator", "four times four.");
  expect((await replyTo(request())).usage).toEqual({ prompt_tokens: 6, completion_tokens: 4 });
});

test("the planner's empty reply is its turn; an empty generator is an error worth a retry", async () => {
  mock.on("planner", { fault: "empty" });
  mock.on("generator", { fault: "empty" });
  const reply = await replyTo(planning());
  expect(reply).toMatchObject({ text: "", parsed: { how: "none", error: "the reply is empty" } });
  expect(reply.tokens?.response_token_ids).toEqual([151_645]);
  const failed = await engineOn(mock.url).chat(request(), never);
  expect(failed).toMatchObject({ ok: false, error: { code: "empty_reply", retryable: true } });
});

test("a reply that its token limit cut before the first word is not asked for again", async () => {
  mock.on("generator", { reasoning: "on and on", finishReason: "length" });
  const failed = await engineOn(mock.url).chat(request(), never);
  expect(failed).toMatchObject({ ok: false, error: { code: "empty_reply", retryable: false } });
});

test("a structured reply is parsed, and says that a schema constrained it", async () => {
  const reply = await replyTo(request({ role: "verifier", turn: 1, schema: verdictSchema }));
  expect(reply.parsed).toEqual({
    how: "strict",
    value: { analysis: "The result answers the question.", conclusion: "stop" },
  });
  expect(reply.guided).toBe(true);
  expect(mock.requests[0]?.body["response_format"]).toEqual({
    type: "json_schema",
    json_schema: { name: "verdict", schema: verdictSchema.json, strict: true },
  });
});

test("a free planner is asked without a schema, with neutral sampling, and the record says so", async () => {
  const reply = await replyTo(planning());
  expect(reply.guided).toBe(false);
  expect(reply.parsed).toMatchObject({ how: "strict" });
  expect(mock.requests[0]?.body).not.toHaveProperty("response_format");
  const sent = { temperature: 0.7, top_p: 1, top_k: -1, min_p: 0, frequency_penalty: 0, presence_penalty: 0 };
  expect(mock.requests[0]?.body).toMatchObject({ ...sent, repetition_penalty: 1, max_tokens: 512, seed: 11 });
  expect(reply.sampling).toEqual({ ...sent, repetition_penalty: 1, stop: null, max_tokens: 512, seed: 11 });
});

const ours = (call: RecordedRequest | undefined) =>
  Object.fromEntries(Object.entries(call?.headers ?? {}).filter(([name]) => name.startsWith("x-")));

test("every call says its role, run and turn, and sends no other header of ours", async () => {
  await replyTo(planning());
  await replyTo(request());
  const [first, second] = mock.requests;
  expect(first).toMatchObject({ role: "planner", run: "run_1", turn: 2 });
  expect(second).toMatchObject({ role: "generator", run: "run_1", turn: null });
  expect(ours(first)).toEqual({ "x-agentflow-role": "planner", "x-agentflow-run": "run_1", "x-agentflow-turn": "2" });
  // Outside the turns.
  expect(ours(second)).toMatchObject({ "x-agentflow-turn": "0" });
  expect(first?.headers).not.toHaveProperty("authorization");
});

test("the SDK is the pinned major that this reading of it was checked against", async () => {
  const text = await readFile(join(import.meta.dirname, "../../../node_modules/openai/package.json"), "utf8");
  expect(text).toMatch(/"version": "7\./u);
});
