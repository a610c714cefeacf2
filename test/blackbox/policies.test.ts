// Planner versions on a real server: registered, activated and changed while runs are in flight, served by a model
// server of their own on a real socket; and the addresses that no tenant gets the service to call.

import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { untrainedWeights } from "../../src/engines/offline/policy/weights.ts";
import { Problem } from "../../src/http/problem.ts";
import { type MockOpenAi, startMockOpenAi } from "../support/mock-openai.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { until } from "../support/until.ts";
import { type Api, apiOf, read } from "./support/api.ts";

const state = temporaryDir();
const tools = ["base_generator"];
const key = "k-of-the-planner";
let common: MockOpenAi;
let planner: MockOpenAi;
let redirector: HttpServer;
let names: HttpServer;
/** What the name server answers to whatever it is asked; null = that it cannot say. */
let address: string | null = null;
let server: Server;
let api: Api;

function urlOf(listening: HttpServer): string {
  const at = listening.address();
  return `http://127.0.0.1:${typeof at === "object" ? at?.port : ""}/v1`;
}

async function start(): Promise<void> {
  const plannerHost = new URL(planner.url).host;
  server = await startServer({
    stateDir: state.path,
    env: {
      INFERENCE_BASE_URL: common.url,
      INFERENCE_MODEL: "mock-model",
      INFERENCE_API_KEY: "k-common",
      LEASE_SECONDS: "1",
      FETCH_ALLOW: `${plannerHost}, ${new URL(urlOf(redirector)).host}`,
      FETCH_DNS_URL: urlOf(names),
      TENANT_SECRET_PLANNER: key,
      TENANT_SECRET_PLANNER_FOR: `local@${plannerHost}`,
    },
  });
  api = apiOf(server.url);
}

beforeAll(async () => {
  common = await startMockOpenAi({ apiKey: "k-common" });
  planner = await startMockOpenAi();
  // A server that the operator opened and that leads to one that the operator did not.
  redirector = createServer((_request, response) => {
    response.writeHead(307, { location: `${common.url}/chat/completions` }).end();
  });
  names = createServer((request, response) => {
    const isAsked = new URL(request.url ?? "", "http://names").searchParams.get("type") === "A";
    const Answer = isAsked && address !== null ? [{ name: "x", type: 1, TTL: 0, data: address }] : [];
    response.setHeader("content-type", "application/dns-json");
    response.end(JSON.stringify({ Status: address === null ? 2 : 0, Answer }));
  });
  for (const peer of [redirector, names]) {
    peer.listen(0, "127.0.0.1");
    await once(peer, "listening");
  }
  await start();
});

afterAll(async () => {
  await server.kill9();
  for (const peer of [redirector, names]) {
    peer.closeAllConnections();
    peer.close();
  }
  await planner.close();
  await common.close();
  state.remove();
});

const put = (version: string, body: unknown) => api.send("PUT", `/v1/policies/${version}`, { body });
const activate = (version: string) => api.send("POST", `/v1/policies/${version}/activate`);
const modelsAsked = () =>
  planner.requestsOf("planner").map(({ body }) => z.object({ model: z.string() }).parse(body).model);

describe("a hosted version", () => {
  test("is asked with its own key alone, and that key is nowhere to be read", async () => {
    const registered = await put("v1", { base_url: planner.url, model: "model-1", secret: "TENANT_SECRET_PLANNER" });
    expect(registered.status).toBe(201);
    const run = await api.solve({ query: "What is six times seven?", tools, policy: "v1" });
    expect(run).toMatchObject({ status: "completed", policy_version: "v1" });
    expect(new Set(planner.requests.map((one) => one.headers.authorization))).toEqual(new Set([`Bearer ${key}`]));
    expect(common.requestsOf("planner")).toEqual([]);
    const record = await (await api.send("GET", `/v1/runs/${run.id}/record`)).text();
    const shown = [await registered.text(), await api.events(run.id), record, server.output()];
    expect(JSON.stringify(shown)).not.toContain(key);
  });

  test("stays with its run while another is activated and the power fails", async () => {
    await put("v2", { base_url: planner.url, model: "model-2" });
    expect((await activate("v1")).status).toBe(200);
    planner.reset();
    common.on("verifier", { fault: "hang" });
    const first = await api.start({ query: "first", tools });
    await until("the first turn is verified", async () => common.requestsOf("verifier").length > 0);
    expect((await activate("v2")).status).toBe(200);
    await server.kill9();
    common.reset();
    common.set({ stopAtTurn: 2 });
    await start();
    expect(await api.ended(first.id)).toMatchObject({ status: "completed", policy_version: "v1" });
    const asked = modelsAsked();
    expect(asked.length).toBeGreaterThan(1);
    expect(new Set(asked)).toEqual(new Set(["model-1"]));
    common.reset();
    expect((await api.solve({ query: "second", tools })).policy_version).toBe("v2");
    expect(modelsAsked().at(-1)).toBe("model-2");
    const info = await read(z.object({ policy_version: z.string() }), await api.send("GET", "/v1/info"), 200);
    expect(info).toEqual({ policy_version: "v2" });
    expect((await activate("mock-model")).status).toBe(200);
  });

  test("that redirects is an error of its run: what it leads to is not called", async () => {
    await put("astray", { base_url: urlOf(redirector), model: "m" });
    common.reset();
    const run = await api.solve({ query: "Where does this go?", tools, policy: "astray" });
    expect(run).toMatchObject({ status: "failed", answer: null });
    expect(common.requestsOf("planner")).toEqual([]);
  });
});

test("a version of the offline planner plays in the same service, under its own name", async () => {
  expect((await put("untrained", { engine: "offline", weights: untrainedWeights("untrained") })).status).toBe(201);
  planner.reset();
  common.reset();
  const sampling = { temperature: 1, seed: 3 };
  const run = await api.solve({ query: "What is 6 times 7?", tools, sampling, policy: "untrained" });
  expect(run.policy_version).toBe("untrained");
  const plans = (await api.events(run.id)).filter((event) => event.type === "plan.completed");
  expect(plans.length).toBeGreaterThan(0);
  expect(new Set(plans.map((plan) => `${plan.policy_version} ${plan.model}`))).toEqual(
    new Set(["untrained offline-planner/untrained"]),
  );
  expect([...planner.requestsOf("planner"), ...common.requestsOf("planner")]).toEqual([]);
});

test.each([
  "http://127.0.0.1:8787/v1",
  "http://localhost/v1",
  "http://[::1]/v1",
  "http://2130706433/v1",
  "http://169.254.169.254/v1",
  "http://metadata.google.internal/v1",
  "http://127.0.0.1.nip.io/v1",
])("an address that is not public, %s, cannot be registered", async (base_url) => {
  const problem = await read(Problem, await put("inner", { base_url, model: "m" }), 422);
  expect(problem.errors).toMatchObject([{ field: "base_url", code: "address_refused" }]);
});

describe("a name", () => {
  test("with an inner address cannot be registered", async () => {
    address = "10.0.0.1";
    const reply = await put("inner-name", { base_url: "https://inner.example.com/v1", model: "m" });
    const problem = await read(Problem, reply, 422);
    expect(problem.errors).toMatchObject([{ field: "base_url", code: "address_refused" }]);
  });

  test("that turned inwards after it was registered is not called", async () => {
    address = "93.184.215.14";
    expect((await put("rebound", { base_url: "https://rebound.example.com/v1", model: "m" })).status).toBe(201);
    address = "127.0.0.1";
    // The run's own object asks for itself, and once more when what the registration heard is five seconds old.
    const refused = await until("the address is refused", async () => {
      const run = await api.solve({ query: "Who answers?", tools, policy: "rebound", limits: { max_seconds: 5 } });
      return run.error?.code === "engine_refused" && run;
    });
    expect(refused.error?.detail).toContain("address_refused");
  });

  test("that nobody can look up is not called either", async () => {
    address = null;
    expect((await put("unknown", { base_url: "https://unknown.example.com/v1", model: "m" })).status).toBe(201);
    const run = await api.solve({ query: "Who answers?", tools, policy: "unknown" });
    expect(run.error?.code).toBe("connection_failed");
    expect(run.error?.detail).toContain("unknown.example.com could not be looked up");
  });
});
