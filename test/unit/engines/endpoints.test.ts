// Which host gets which key: the rule that a mistake in configuration must not be able to break.

import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readEndpoint } from "../../../src/engines/endpoints.ts";
import { type ChatReply, type Engine, Role } from "../../../src/engines/engine.ts";
import { createMemoryCapabilityStore } from "../../../src/engines/hosted/capabilities.ts";
import { createOfflineEngine, offlineWeights } from "../../../src/engines/offline/engine.ts";
import { untrainedWeights } from "../../../src/engines/offline/policy/weights.ts";
import { createEngine, readTimeoutMs } from "../../../src/engines/router.ts";
import { createDeploymentGuard } from "../../../src/lib/guarded-fetch/deployment-guard.ts";
import { type MockOpenAi, startMockOpenAi } from "../../support/mock-openai.ts";
import { clock, never, planning, request } from "./support.ts";

let common: MockOpenAi;
let own: MockOpenAi;
beforeAll(async () => {
  common = await startMockOpenAi();
  own = await startMockOpenAi();
});
afterAll(async () => {
  await common.close();
  await own.close();
});

const base = { INFERENCE_BASE_URL: "http://common:8000/v1/", INFERENCE_MODEL: "m", INFERENCE_API_KEY: "common-key" };

test("a role falls back to the common endpoint in each part", () => {
  expect(readEndpoint(base, "planner")).toEqual({
    kind: "hosted",
    endpoint: { baseUrl: "http://common:8000/v1", model: "m", apiKey: "common-key", logprobsMode: "unknown" },
  });
  const tuned = { ...base, PLANNER_MODEL: "p", PLANNER_API_KEY: "own-key", INFERENCE_LOGPROBS_MODE: "processed" };
  expect(readEndpoint(tuned, "planner")).toMatchObject({
    endpoint: { baseUrl: "http://common:8000/v1", model: "p", apiKey: "own-key", logprobsMode: "processed" },
  });
  expect(readEndpoint(tuned, "verifier")).toMatchObject({ endpoint: { model: "m", apiKey: "common-key" } });
});

test("a role with its own host and no key is called without a key", () => {
  const config = { ...base, PLANNER_BASE_URL: "http://mine:1/v1", INFERENCE_LOGPROBS_MODE: "processed" };
  expect(readEndpoint(config, "planner")).toMatchObject({
    endpoint: { baseUrl: "http://mine:1/v1", model: "m", apiKey: null, logprobsMode: "unknown" },
  });
});

test("empty means unset", () => {
  const config = { ...base, PLANNER_BASE_URL: "", PLANNER_API_KEY: " ", PLANNER_MODEL: "" };
  expect(readEndpoint(config, "planner")).toEqual(readEndpoint(base, "planner"));
  expect(readEndpoint({ INFERENCE_BASE_URL: "" }, "planner")).toEqual({ kind: "offline" });
});

test.each<[string, Record<string, string>, string]>([
  ["a missing model", { INFERENCE_BASE_URL: "http://a/v1" }, "neither PLANNER_MODEL nor INFERENCE_MODEL"],
  ["a URL that is none", { ...base, PLANNER_BASE_URL: "localhost:8000" }, "PLANNER_BASE_URL is not an http"],
  ["a file", { ...base, INFERENCE_BASE_URL: "file:///etc/passwd" }, "INFERENCE_BASE_URL is not an http"],
  ["credentials in the URL", { ...base, INFERENCE_BASE_URL: "http://u:p@a/v1" }, "must not carry credentials"],
])("%s is said, not guessed around", (_, config, detail) => {
  const choice = readEndpoint(config, "planner");
  expect(choice).toMatchObject({ kind: "invalid" });
  expect(choice.kind === "invalid" ? choice.detail : "").toContain(detail);
});

test("whatever the configuration, a key stays with the host it was set for", () => {
  const text = fc.option(fc.constantFrom("", "x"), { nil: undefined });
  const settings = fc.record({ url: text, key: text, model: text });
  const config = fc.record({ common: settings, roles: fc.array(settings, { minLength: 7, maxLength: 7 }) });
  fc.assert(
    fc.property(config, ({ common: shared, roles }) => {
      const env: Record<string, string | undefined> = {
        INFERENCE_BASE_URL: shared.url && "http://inference/v1",
        INFERENCE_API_KEY: shared.key && "key-of-inference",
        INFERENCE_MODEL: "m",
      };
      for (const [index, role] of Role.options.entries()) {
        const set = roles[index];
        env[`${role.toUpperCase()}_BASE_URL`] = set?.url && `http://${role}/v1`;
        env[`${role.toUpperCase()}_API_KEY`] = set?.key && `key-of-${role}`;
      }
      for (const role of Role.options) {
        const choice = readEndpoint(env, role);
        if (choice.kind !== "hosted" || choice.endpoint.apiKey === null) {
          continue;
        }
        const host = new URL(choice.endpoint.baseUrl).hostname;
        const allowed = host === role ? [`key-of-${role}`] : [`key-of-${role}`, "key-of-inference"];
        expect(allowed).toContain(choice.endpoint.apiKey);
        expect(["inference", role]).toContain(host);
      }
    }),
  );
});

const offlineReply = (text: string): ChatReply => ({
  text,
  reasoning: null,
  parsed: null,
  usage: { prompt_tokens: 1, completion_tokens: 1 },
  finishReason: "stop",
  modelRequested: "offline-0",
  modelServed: "offline-0",
  engine: "offline",
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
    max_tokens: null,
    seed: null,
  },
  tokens: null,
});

const offline: Engine = {
  chat: () => Promise.resolve({ ok: true, value: offlineReply("from the offline engine") }),
  modelOf: () => "offline-0",
};

const plain = (url: string, init: RequestInit) => fetch(url, init);
const routing = {
  offline,
  capabilities: createMemoryCapabilityStore(),
  fetch: plain,
  policyFetch: plain,
  clock,
};

function routed(config: Record<string, string>): Engine {
  return createEngine(config, routing);
}

test("nothing configured, or `offline`, is the offline engine; one role may be hosted beside it", async () => {
  const engine = routed({ INFERENCE_BASE_URL: "offline", VERIFIER_BASE_URL: own.url, VERIFIER_MODEL: "v" });
  expect(engine.modelOf("planner")).toBe("offline-0");
  expect(engine.modelOf("verifier")).toBe("v");
  expect(await engine.chat(request({ role: "planner" }), never)).toMatchObject({ value: { engine: "offline" } });
  expect(await engine.chat(request({ role: "verifier" }), never)).toMatchObject({
    value: { engine: "openai-compatible", modelRequested: "v" },
  });
  expect(routed({}).modelOf("tool")).toBe("offline-0");
});

test("a URL without a model is an error of the call, not an offline answer", async () => {
  expect(await routed({ INFERENCE_BASE_URL: own.url }).chat(request(), never)).toMatchObject({
    ok: false,
    error: { code: "engine_not_configured", retryable: false },
  });
});

test("a policy is asked at its own URL, with its own key or none, never with the environment's", async () => {
  common.reset();
  own.reset();
  const engine = routed({ INFERENCE_BASE_URL: common.url, INFERENCE_MODEL: "m", INFERENCE_API_KEY: "common-key" });
  const policy = { kind: "hosted" as const, baseUrl: `${own.url}/`, model: "planner-7", apiKey: null };
  const bare = await engine.chat(planning({ policy }), never);
  expect(bare).toMatchObject({
    ok: true,
    value: { modelRequested: "planner-7", tokens: { logprobs_mode: "unknown" } },
  });
  await engine.chat(planning({ policy: { ...policy, apiKey: "policy-key", logprobsMode: "processed" } }), never);
  expect(own.requests.map((one) => one.headers.authorization)).toEqual([undefined, "Bearer policy-key"]);
  expect(common.total).toBe(0);
  await engine.chat(planning(), never);
  expect(common.requests[0]?.headers.authorization).toBe("Bearer common-key");
});

test("a key from the process's own environment goes nowhere", async () => {
  own.reset();
  process.env["OPENAI_API_KEY"] = "sk-environment";
  process.env["OPENAI_ORG_ID"] = "org-environment";
  process.env["OPENAI_CUSTOM_HEADERS"] = "x-secret: environment";
  try {
    await routed({ INFERENCE_BASE_URL: own.url, INFERENCE_MODEL: "m" }).chat(request(), never);
  } finally {
    delete process.env["OPENAI_API_KEY"];
    delete process.env["OPENAI_ORG_ID"];
    delete process.env["OPENAI_CUSTOM_HEADERS"];
  }
  expect(JSON.stringify(own.requests[0]?.headers)).not.toContain("environment");
});

test("the timeout comes from ENGINE_TIMEOUT_SECONDS where that is a positive number", () => {
  const read = (value: string) => readTimeoutMs({ ENGINE_TIMEOUT_SECONDS: value });
  expect([read("30"), read("0.5"), read(""), read("0"), read("-1"), read("soon"), readTimeoutMs({})]).toEqual([
    30_000, 500, 120_000, 120_000, 120_000, 120_000, 120_000,
  ]);
});

test("an offline policy is served by the offline engine, whatever the planner's configuration", async () => {
  common.reset();
  const engine = createEngine(
    { INFERENCE_BASE_URL: common.url, INFERENCE_MODEL: "m" },
    { ...routing, offline: createOfflineEngine({ weights: offlineWeights }) },
  );
  const policy = { kind: "offline" as const, weights: untrainedWeights("iteration-3") };
  const reply = await engine.chat(planning({ policy }), never);
  expect(reply).toMatchObject({
    ok: true,
    value: {
      engine: "offline",
      modelRequested: "offline-planner/iteration-3",
      modelServed: "offline-planner/iteration-3",
    },
  });
  expect(common.total).toBe(0);
});

test("a policy whose address the guard refuses is refused once, and is no reason to try again", async () => {
  const guard = createDeploymentGuard({}, { fetch: (url, init) => fetch(url, init), now: () => 0 });
  const engine = createEngine({}, { ...routing, policyFetch: guard.fetch });
  own.reset();
  const policy = { kind: "hosted" as const, baseUrl: own.url, model: "m", apiKey: "policy-key" };
  expect(await engine.chat(planning({ policy }), never)).toMatchObject({
    ok: false,
    error: { code: "engine_refused", retryable: false, detail: expect.stringContaining("address_refused") },
  });
  expect(own.total).toBe(0);
});
