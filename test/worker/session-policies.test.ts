// A run and the policy it is pinned to: whose server and key its planner's calls get, through crashes and while other
// versions are activated; and what becomes of a run whose version cannot serve.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { untrainedWeights } from "../../src/engines/offline/policy/weights.ts";
import type { StoredEndpoint } from "../../src/policies/registration.ts";
import { createPolicyStore } from "../../src/store/policies.ts";
import { migrate } from "../support/migrate.ts";
import { type ModelCall, startSessionModel } from "../support/session-model.ts";
import { crash, newSession, type SessionUnderTest, tenant, until } from "../support/session-object.ts";
import { loseTable } from "../support/session-stores.ts";

const store = createPolicyStore(env.DB, env.BUCKET);
type Hosted = Extract<StoredEndpoint, { kind: "hosted" }>;

beforeAll(async () => {
  await migrate(env.DB);
  Object.assign(env, {
    TENANT_SECRET_PLANNER: "k-planner",
    TENANT_SECRET_PLANNER_FOR: `${tenant}@model.test`,
    INFERENCE_API_KEY: "k-common",
  });
});
afterEach(() => vi.restoreAllMocks());

/** Registered as if over HTTP; the ref that a run would be pinned to. */
async function registerEndpoint(version: string, endpoint: StoredEndpoint) {
  const row = await store.insert({ tenant, version, endpoint, sha256: version, createdAt: "", datasets: [] });
  return { version, step: row.policy_step };
}

function register(version: string, { secret = null, base_url = "http://model.test/v1" }: Partial<Hosted> = {}) {
  return registerEndpoint(version, { kind: "hosted", base_url, model: version, secret, logprobs_mode: "processed" });
}

const modelOf = (call: ModelCall) => z.object({ model: z.string() }).parse(call.body).model;
const keyOf = (call: ModelCall) => call.headers["authorization"];
const planned = async (session: SessionUnderTest, runId: string) =>
  (await session.log(runId)).flatMap((event) =>
    event.type === "plan.completed" ? [[event.policy_version, event.model]] : [],
  );

describe("a run's planner", () => {
  test("is asked at its policy's server with that policy's key; every other role is not", async () => {
    const model = startSessionModel(2);
    const session = newSession();
    const policy = await register("keyed", { secret: "TENANT_SECRET_PLANNER" });
    const run = await session.start({ policy });
    expect((await session.ended(run.id)).status).toBe("completed");
    expect(model.callsOf("planner").map((call) => [modelOf(call), keyOf(call)])).toEqual([
      ["keyed", "Bearer k-planner"],
      ["keyed", "Bearer k-planner"],
    ]);
    const others = model.calls.filter((call) => call.role !== "planner");
    expect(new Set(others.map(keyOf))).toEqual(new Set(["Bearer k-common"]));
    expect(await planned(session, run.id)).toEqual([
      ["keyed", "keyed"],
      ["keyed", "keyed"],
    ]);
    const text = JSON.stringify([await session.log(run.id), await session.api().getRecord(run.id)]);
    expect(text).not.toContain("k-planner");
    expect(text).toContain('"logprobs_mode":"processed"');
  });

  test("without a key of its own gets none, and never the common one", async () => {
    const model = startSessionModel(1);
    const session = newSession();
    const run = await session.start({ policy: await register("bare") });
    await session.ended(run.id);
    expect(model.callsOf("planner").map(keyOf)).toEqual([undefined]);
  });

  test("stays the same while another version is activated and through a crash", async () => {
    const model = startSessionModel(3);
    const session = newSession();
    const policy = await register("pinned");
    await register("newer");
    const go = Promise.withResolvers<void>();
    model.play((call) => (call.role === "verifier" && call.turn === 1 ? "hang" : null));
    const run = await session.start({ policy });
    await until(() => model.callsOf("verifier").length === 1);
    await store.activate(tenant, "newer", "");
    model.play(() => null);
    go.resolve();
    await crash();
    await session.api().wake();
    expect(await session.ended(run.id)).toMatchObject({ status: "completed", policy_version: "pinned" });
    expect(new Set(model.callsOf("planner").map(modelOf))).toEqual(new Set(["pinned"]));
    await store.activate(tenant, null, "");
  });

  test("of offline weights plays beside hosted modules and is named in every turn", async () => {
    const model = startSessionModel(2);
    const session = newSession();
    await store.putWeights("policies/acme/w.json", untrainedWeights("weights-1"));
    const policy = await registerEndpoint("weights-1", { kind: "offline", weights_key: "policies/acme/w.json" });
    const run = await session.start({ policy, sampling: { temperature: 1, seed: 7 } });
    expect((await session.ended(run.id)).status).toBe("completed");
    expect(model.callsOf("planner")).toEqual([]);
    expect(new Set((await planned(session, run.id)).map((pair) => pair.join(" ")))).toEqual(
      new Set(["weights-1 offline-planner/weights-1"]),
    );
  });

  test("of the configuration is recorded under the name it has when it serves", async () => {
    startSessionModel(1);
    const session = newSession();
    const run = await session.start({ policy: { version: "before-the-deploy", step: 0 } });
    expect((await session.ended(run.id)).policy_version).toBe("before-the-deploy");
    expect(await planned(session, run.id)).toEqual([["planner-7", "mock"]]);
    // A dataset must not take what one planner did for another's.
    expect(await session.api().getRecord(run.id)).toMatchObject({ value: { invalid_reason: "mixed_policy" } });
  });
});

describe("a version that cannot serve fails its run", () => {
  test.each<[string, () => Promise<{ version: string; step: number }>, string]>([
    ["because there is none", () => Promise.resolve({ version: "none", step: 1 }), "policy_missing"],
    [
      "because its secret is not bound here",
      () => register("unbound", { secret: "TENANT_SECRET_NONE" }),
      "policy_secret_refused",
    ],
    [
      "because its address is refused",
      () => register("inner", { base_url: "http://127.0.0.1:6379/v1" }),
      "engine_refused",
    ],
  ])("%s", async (_why, registered, code) => {
    const model = startSessionModel(1);
    const session = newSession();
    const run = await session.start({ policy: await registered() });
    expect(await session.ended(run.id)).toMatchObject({ status: "failed", answer: null, error: { code } });
    expect(model.callsOf("planner")).toEqual([]);
    expect((await session.log(run.id)).at(-1)?.type).toBe("run.failed");
  });

  test("and the session's next run goes on", async () => {
    startSessionModel(1);
    const session = newSession();
    const first = await session.start({ policy: { version: "none", step: 1 } });
    const second = await session.start({ session: "existing" });
    expect((await session.ended(first.id)).status).toBe("failed");
    expect((await session.ended(second.id)).status).toBe("completed");
  });
});

test("a ledger that is away is no reason to fail a run: it rests and comes back", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const policy = await register("patient");
  // The object is there before the ledger goes, as after a deploy.
  const restore = await loseTable("policies");
  const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const run = await session.start({ policy });
  await until(() => warned.mock.calls.some(([line]) => String(line).includes("broke off")));
  expect(model.calls).toEqual([]);
  expect((await session.log(run.id)).map((event) => event.type)).toEqual(["run.created"]);
  await restore();
  await runDurableObjectAlarm(session.stub());
  expect((await session.ended(run.id)).status).toBe("completed");
});
