// What the engine learns from refusals, in the words of real servers, and that it learns it once.

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ChatReply, ChatRequest } from "../../../src/engines/engine.ts";
import { type CapabilityStore, createMemoryCapabilityStore } from "../../../src/engines/hosted/capabilities.ts";
import { narrow, startNegotiation } from "../../../src/engines/hosted/negotiation.ts";
import { type MockOpenAi, startMockOpenAi } from "../../support/mock-openai.ts";
import { engineOn, never, planning, request, verdictSchema } from "./support.ts";

let mock: MockOpenAi;
beforeAll(async () => {
  mock = await startMockOpenAi();
});
afterEach(() => mock.reset());
afterAll(() => mock.close());

async function ask(store: CapabilityStore, asked: ChatRequest): Promise<ChatReply> {
  const result = await engineOn(mock.url, { capabilities: store }).chat(asked, never);
  if (!result.ok) {
    throw new Error(`${result.error.code}: ${result.error.detail}`);
  }
  return result.value;
}

/** Refused parameters of the store's only entry. */
async function learnt(store: CapabilityStore) {
  return (await store.get(`${mock.url}#mock-model`))?.refused ?? [];
}

const verifying = request({ role: "verifier", turn: 1, schema: verdictSchema });

const WORDINGS = ["openai", "azure", "vllm", "fastapi", "ollama", "llamacpp"] as const;

test.each(WORDINGS)("a parameter refused as %s words it is dropped by name, and only that", async (wording) => {
  mock.set({ refuse: ["return_token_ids"], wording });
  const store = createMemoryCapabilityStore();
  const reply = await ask(store, planning());
  expect(await learnt(store)).toEqual(["return_token_ids"]);
  expect(reply.tokens).toBeNull();
  expect(mock.total).toBe(2);
  expect(mock.requests[1]?.body).toMatchObject({ logprobs: true, top_k: -1, seed: 11 });
});

test.each(WORDINGS)("everything refused one by one as %s words it is still a reply", async (wording) => {
  const refuse = ["return_token_ids", "logprobs", "top_k", "min_p", "repetition_penalty", "frequency_penalty"];
  mock.set({ refuse: [...refuse, "presence_penalty", "seed", "stream_options", "stream", "temperature"], wording });
  const store = createMemoryCapabilityStore();
  const reply = await ask(store, planning());
  expect(reply.sampling).toMatchObject({ temperature: null, top_p: 1, top_k: null, min_p: null, seed: null });
  expect(await learnt(store)).toHaveLength(11);
});

test("what was learnt is not asked again, by any role or run", async () => {
  mock.set({ refuse: ["return_token_ids", "logprobs", "json_schema"] });
  const store = createMemoryCapabilityStore();
  await ask(store, planning());
  await ask(store, verifying);
  const paid = mock.total;
  expect(paid).toBe(5);
  await ask(store, planning());
  await ask(store, verifying);
  expect(mock.total).toBe(paid + 2);
});

test("a schema becomes a JSON object, and that becomes text; each still says whether it was guided", async () => {
  const store = createMemoryCapabilityStore();
  mock.set({ refuse: ["json_schema"] });
  expect(await ask(store, verifying)).toMatchObject({ guided: true, parsed: { how: "strict" } });
  expect(mock.requests.at(-1)?.body["response_format"]).toEqual({ type: "json_object" });
  mock.set({ refuse: ["json_schema", "json_object"] });
  expect(await ask(store, verifying)).toMatchObject({ guided: false, parsed: { how: "strict" } });
  expect(mock.requests.at(-1)?.body).not.toHaveProperty("response_format");
});

test("a schema that the server cannot take is this call's matter: the next schema is sent again", async () => {
  const message =
    "Invalid schema for response_format 'tool_command': In context=('properties', 'x'), 'additionalProperties' is required to be supplied and to be false.";
  const store = createMemoryCapabilityStore();
  mock.on("executor", (seen) =>
    JSON.stringify(seen.body["response_format"] ?? null).includes('"json_schema"')
      ? { fault: "status", status: 400, body: { error: { message, param: "response_format" } } }
      : "{}",
  );
  expect(await ask(store, { ...verifying, role: "executor" })).toMatchObject({ guided: true, text: "{}" });
  expect(mock.requests.map((seen) => seen.body["response_format"])).toMatchObject([
    { type: "json_schema" },
    { type: "json_object" },
  ]);
  expect(await learnt(store)).toEqual([]);
  await ask(store, verifying);
  expect(mock.requests.at(-1)?.body["response_format"]).toMatchObject({ type: "json_schema" });
});

test("max_tokens becomes max_completion_tokens where the server wants it so", async () => {
  mock.set({ refuse: ["max_tokens"] });
  const reply = await ask(createMemoryCapabilityStore(), request());
  expect(mock.requests.at(-1)?.body).toMatchObject({ max_completion_tokens: 256 });
  expect(reply.sampling.max_tokens).toBe(256);
});

test("a limit that is too large is not taken for an unknown name", async () => {
  const message = "max_tokens is too large: 99999. This model supports at most 16384 completion tokens.";
  mock.on("generator", { fault: "status", status: 400, body: { error: { message, param: "max_tokens" } } });
  const result = await engineOn(mock.url).chat(request(), never);
  expect(result).toMatchObject({ ok: false, error: { code: "engine_refused", retryable: false } });
  expect(mock.total).toBe(1);
});

test("a refusal that names nothing loses one group, not all: the ids survive a refused schema", async () => {
  mock.set({ refuse: ["json_schema"], wording: "silent" });
  const store = createMemoryCapabilityStore();
  const reply = await ask(store, planning({ structure: "guided" }));
  expect(await learnt(store)).toEqual(["json_schema"]);
  expect(reply.tokens?.response_logprobs).not.toBeNull();
});

test.each([
  ["return_token_ids"],
  ["return_token_ids", "logprobs"],
  ["top_k", "min_p"],
  ["stream_options"],
  ["stream"],
  ["seed"],
  ["seed", "top_k", "json_schema"],
])("a silent server that refuses %s, %s, %s is found out", async (...refuse) => {
  mock.set({ refuse, wording: "silent" });
  const store = createMemoryCapabilityStore();
  await ask(store, planning({ structure: "guided" }));
  expect(await learnt(store)).toEqual(expect.arrayContaining(refuse));
  const paid = mock.total;
  await ask(store, planning({ structure: "guided" }));
  expect(mock.total).toBe(paid + 1);
});

test("a request that is refused whatever is left out fails with its first refusal, after few asks, and teaches nothing", async () => {
  mock.on("planner", { fault: "status", status: 400, body: { error: { message: "Bad conversation" } } });
  const store = createMemoryCapabilityStore();
  const result = await engineOn(mock.url, { capabilities: store }).chat(planning(), never);
  expect(result).toMatchObject({ ok: false, error: { code: "engine_refused", detail: "HTTP 400: Bad conversation" } });
  expect(mock.total).toBeLessThanOrEqual(9);
  expect(await learnt(store)).toEqual([]);
});

test("a server that blames something new for ever is left after a bounded number of asks", async () => {
  mock.on("planner", (_, n) => ({
    fault: "status",
    status: 400,
    body: { error: { message: `No ${n}: seed temperature` } },
  }));
  const result = await engineOn(mock.url).chat(planning(), never);
  expect(result).toMatchObject({ ok: false, error: { code: "engine_refused" } });
  expect(mock.total).toBeLessThanOrEqual(18);
});

test("what a validator echoes of the prompt is not a name", () => {
  const sent = ["seed", "temperature", "return_token_ids", "logprobs"] as const;
  const message =
    "[{'type': 'extra_forbidden', 'loc': ('body', 'return_token_ids'), 'msg': 'Extra inputs are not permitted', " +
    "'input': {'messages': [{'content': 'set the seed and the temperature'}], 'logprobs': true}}]";
  const next = narrow(startNegotiation(new Set()), { message, param: null }, sent);
  expect([...(next?.refused ?? [])]).toEqual(["return_token_ids"]);
});

test("knowledge ages: after a day the server is asked for everything again", async () => {
  const store = createMemoryCapabilityStore();
  await store.put(`${mock.url}#mock-model`, {
    version: 1,
    refused: ["return_token_ids"],
    learnedAt: Date.now() - 25 * 60 * 60 * 1_000,
  });
  expect((await ask(store, planning())).tokens).not.toBeNull();
});

test("a faulty store costs a negotiation and never a call", async () => {
  mock.set({ refuse: ["return_token_ids"] });
  const broken: CapabilityStore = {
    get: () => Promise.reject(new Error("D1 is away")),
    put: () => Promise.reject(new Error("D1 is away")),
  };
  expect((await ask(broken, planning())).tokens).toBeNull();
  expect(mock.total).toBe(2);
});

test("a 500 or a 429 is never taken for a refusal of parameters", async () => {
  for (const status of [429, 500]) {
    mock.on("planner", { fault: "status", status, body: { error: { message: "seed is not supported" } } });
    await engineOn(mock.url).chat(planning(), never);
  }
  expect(mock.total).toBe(2);
});
