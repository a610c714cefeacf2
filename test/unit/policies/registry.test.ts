// What may be registered and under which name, which version is active, and how soon that is known.

import { describe, expect, test } from "vitest";
import { PolicyRegistration, PolicyVersion } from "../../../src/policies/registration.ts";
import { createMemoryStore, createTestPolicies, hosted, offline } from "./support.ts";

const ds = (last: string) => `ds_${last.padStart(26, "0")}`;

describe("registering", () => {
  test("gives rising steps from 1, to each tenant its own", async () => {
    const { policies } = createTestPolicies();
    const steps = [];
    for (const [tenant, version] of [
      ["acme", "v1"],
      ["acme", "v2"],
      ["beta", "v1"],
    ] as const) {
      await policies.register(tenant, version, hosted());
      steps.push(await policies.resolve(tenant, version));
    }
    expect(steps).toEqual([
      { version: "v1", step: 1 },
      { version: "v2", step: 2 },
      { version: "v1", step: 1 },
    ]);
  });

  test("the same body again changes nothing, in whatever order its datasets come", async () => {
    const { policies, store } = createTestPolicies();
    store.datasets.add(ds("1")).add(ds("2"));
    const first = await policies.register("acme", "v1", hosted({ datasets: [ds("1"), ds("2")] }));
    const engine = "openai-compatible" as const;
    const again = await policies.register("acme", "v1", {
      ...hosted({ datasets: [ds("2"), ds("1"), ds("2")] }),
      engine,
    });
    expect(first).toMatchObject({ ok: true, value: { isNew: true } });
    expect(again).toMatchObject({ ok: true, value: { isNew: false } });
    expect(again.ok && again.value.policy).toEqual(first.ok && first.value.policy);
  });

  test.each([
    ["another model", hosted({ model: "other" })],
    ["another URL", hosted({ base_url: "https://vllm.example.com/v2" })],
    ["another secret", hosted({ secret: "TENANT_SECRET_VLLM" })],
    ["other log-probs", hosted({ logprobs_mode: "raw" })],
    ["weights", offline("v1")],
  ])("%s under the same name is a conflict", async (_what, body) => {
    const { policies } = createTestPolicies();
    await policies.register("acme", "v1", hosted());
    expect(await policies.register("acme", "v1", body)).toMatchObject({ ok: false, error: { kind: "conflict" } });
    expect(await policies.get("acme", "v1")).toMatchObject({ registered: { endpoint: { model: "planner" } } });
  });

  test("the configured planner's name is taken", async () => {
    const { policies } = createTestPolicies();
    expect(await policies.register("acme", "offline-0", offline("offline-0"))).toMatchObject({
      error: { kind: "conflict" },
    });
  });

  test.each([
    ["base_url", "bad_url", hosted({ base_url: "vllm.example.com" })],
    ["base_url", "bad_url", hosted({ base_url: "https://user:pass@vllm.example.com/v1" })],
    ["base_url", "bad_url", hosted({ base_url: "https://vllm.example.com/v1?key=1" })],
    ["base_url", "address_refused", hosted({ base_url: "http://127.0.0.1/v1" })],
    ["base_url", "address_refused", hosted({ base_url: "http://169.254.169.254/v1" })],
    ["base_url", "address_refused", hosted({ base_url: "http://127.0.0.1:8001/v1" })],
    ["base_url", "port_refused", hosted({ base_url: "https://vllm.example.com:8000/v1" })],
    ["secret", "secret_refused", hosted({ secret: "TENANT_SECRET_NONE" })],
    ["secret", "secret_refused", hosted({ secret: "TENANT_SECRET_VLLM", base_url: "https://evil.example.com" })],
    ["datasets[0]", "unknown_dataset", hosted({ datasets: [ds("7")] })],
    ["weights.version", "version_differs", offline("v2")],
  ])("names %s as %s", async (field, code, body) => {
    const { policies, store } = createTestPolicies();
    expect(await policies.register("acme", "v1", body)).toMatchObject({
      ok: false,
      error: { kind: "invalid", field, code },
    });
    expect(store.calls).not.toContain("insert");
    expect(store.calls).not.toContain("putWeights");
  });

  test("another tenant's secret is no secret", async () => {
    const { policies } = createTestPolicies();
    const body = hosted({ secret: "TENANT_SECRET_VLLM" });
    expect(await policies.register("acme", "v1", body)).toMatchObject({ ok: true });
    expect(await policies.register("beta", "v1", body)).toMatchObject({ error: { code: "secret_refused" } });
  });

  test("an address that the operator opened is taken", async () => {
    const { policies } = createTestPolicies();
    expect(await policies.register("acme", "v1", hosted({ base_url: "http://127.0.0.1:8000/v1" }))).toMatchObject({
      ok: true,
    });
  });

  test("puts weights where two bodies at once cannot meet", async () => {
    const store = createMemoryStore();
    const real = createMemoryStore();
    const bothLooked = Promise.withResolvers<void>();
    let looked = 0;
    store.find = async (tenant, version) => {
      const found = await real.find(tenant, version);
      looked += 1;
      if (looked === 2) {
        bothLooked.resolve();
      }
      await bothLooked.promise;
      return found;
    };
    const { policies } = createTestPolicies(store);
    const other = offline("v1");
    other.weights.rows[0]?.fill(0.5);
    const both = await Promise.all([
      policies.register("acme", "v1", offline("v1")),
      policies.register("acme", "v1", other),
    ]);
    expect(both.filter((one) => one.ok)).toHaveLength(1);
    expect(store.weights.size).toBe(2);
    expect([...store.weights.keys()].every((key) => /^policies\/acme\/v1-[0-9a-f]{16}\.json$/.test(key))).toBe(true);
  });
});

describe("the body", () => {
  test.each([
    ["nothing", {}],
    ["a URL without a model", { base_url: "https://x.example.com" }],
    ["another engine", { engine: "magic", weights: {} }],
    ["weights without the word offline", { weights: offline("v1").weights }],
    ["both", { ...hosted(), weights: offline("v1").weights }],
    ["an unknown field", hosted({ api_key: "k" })],
    ["a secret of the service", hosted({ secret: "INFERENCE_API_KEY" })],
    ["a binding for a secret", hosted({ secret: "TENANT_SECRET_VLLM_FOR" })],
    ["something that is no dataset", hosted({ datasets: ["run_1"] })],
    ["weights of another vocabulary", { engine: "offline", weights: { ...offline("v1").weights, features: "x" } }],
    ["weights that are not finite", { engine: "offline", weights: { ...offline("v1").weights, rows: [[null]] } }],
  ])("is not %s", (_what, body) => {
    expect(PolicyRegistration.safeParse(body).success).toBe(false);
  });

  test.each(["v1", "planner-7", "2026.11.22_a", "A".repeat(64)])("may be for %s", (version) => {
    expect(PolicyVersion.safeParse(version).success).toBe(true);
  });

  test.each(["", "-v1", ".hidden", "..", "a/b", "a b", "ü", "A".repeat(65), "v1\n"])("is not for %j", (version) => {
    expect(PolicyVersion.safeParse(version).success).toBe(false);
  });
});

describe("the active version", () => {
  test("is the configured planner until another is activated, and again by its name", async () => {
    const { policies } = createTestPolicies();
    expect(await policies.resolve("acme")).toEqual({ version: "offline-0", step: 0 });
    await policies.register("acme", "v1", hosted());
    expect(await policies.resolve("acme")).toEqual({ version: "offline-0", step: 0 });
    expect(await policies.activate("acme", "v1")).toMatchObject({ kind: "registered", isActive: true });
    expect(await policies.resolve("acme")).toEqual({ version: "v1", step: 1 });
    expect(await policies.resolve("beta")).toEqual({ version: "offline-0", step: 0 });
    expect(await policies.resolve("acme", "offline-0")).toEqual({ version: "offline-0", step: 0 });
    expect(await policies.activate("acme", "offline-0")).toMatchObject({ kind: "configured", isActive: true });
    expect(await policies.resolve("acme")).toEqual({ version: "offline-0", step: 0 });
  });

  test("is seen at once where it was activated and within half a minute elsewhere", async () => {
    const store = createMemoryStore();
    const here = createTestPolicies(store);
    const there = createTestPolicies(store);
    await here.policies.register("acme", "v1", hosted());
    await there.policies.resolve("acme");
    await here.policies.activate("acme", "v1");
    expect((await here.policies.resolve("acme"))?.version).toBe("v1");
    there.clock.nowMs += 29_999;
    expect((await there.policies.resolve("acme"))?.version).toBe("offline-0");
    there.clock.nowMs += 1;
    expect((await there.policies.resolve("acme"))?.version).toBe("v1");
  });

  test("cannot be one that is not there, or another tenant's", async () => {
    const { policies } = createTestPolicies();
    await policies.register("acme", "v1", hosted());
    expect(await policies.activate("beta", "v1")).toBeNull();
    expect(await policies.activate("acme", "v2")).toBeNull();
    expect(await policies.resolve("beta", "v1")).toBeNull();
    expect(await policies.get("beta", "v1")).toBeNull();
  });

  test("is not another one because the store is away", async () => {
    const { policies, store } = createTestPolicies();
    store.fault = new Error("D1 is down");
    await expect(policies.resolve("acme")).rejects.toThrow("D1 is down");
  });
});

test("a list goes page by page, newest first, and ends with the configured planner", async () => {
  const { policies } = createTestPolicies();
  for (const version of ["v1", "v2", "v3"]) {
    await policies.register("acme", version, hosted());
  }
  await policies.activate("acme", "v2");
  const seen = [];
  for (let before: number | null = null; ;) {
    const page = await policies.list("acme", { before, limit: 2 });
    seen.push(...page.policies.map((one) => [one.kind === "registered" ? one.registered.version : "", one.isActive]));
    if (page.next === null) {
      break;
    }
    before = page.next;
  }
  expect(seen).toEqual([
    ["v3", false],
    ["v2", true],
    ["v1", false],
    ["", false],
  ]);
});
