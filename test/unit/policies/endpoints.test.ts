// Where a run's planner is served: the registered version's own server and key, its weights, or a reason to fail.

import { describe, expect, test } from "vitest";
import { createTenantSecrets } from "../../../src/lib/tenant-secrets.ts";
import { createTestPolicies, hosted, offline } from "./support.ts";

describe("the endpoint", () => {
  test("of step 0 is the configured one, and the store is not asked", async () => {
    const { policies, store } = createTestPolicies();
    expect(await policies.endpointOf("acme", { version: "whatever", step: 0 })).toEqual({ ok: true, value: null });
    expect(store.calls).toEqual([]);
  });

  test("of a hosted version has its own key and its log-probs' mode", async () => {
    const { policies } = createTestPolicies();
    await policies.register("acme", "v1", hosted({ secret: "TENANT_SECRET_VLLM", logprobs_mode: "processed" }));
    await policies.register("acme", "v2", hosted());
    const shared = { kind: "hosted", baseUrl: "https://vllm.example.com/v1", model: "planner" };
    expect(await policies.endpointOf("acme", { version: "v1", step: 1 })).toEqual({
      ok: true,
      value: { ...shared, apiKey: "k-123456", logprobsMode: "processed" },
    });
    expect(await policies.endpointOf("acme", { version: "v2", step: 2 })).toEqual({
      ok: true,
      value: { ...shared, apiKey: null, logprobsMode: "unknown" },
    });
  });

  test("of an offline version is its weights, read once", async () => {
    const { policies, store } = createTestPolicies();
    await policies.register("acme", "v1", offline("v1"));
    const first = await policies.endpointOf("acme", { version: "v1", step: 1 });
    const second = await policies.endpointOf("acme", { version: "v1", step: 1 });
    expect(first).toMatchObject({ ok: true, value: { kind: "offline", weights: { version: "v1" } } });
    expect(second.ok && second.value).toBe(first.ok && first.value);
    expect(store.calls.filter((call) => call === "readWeights")).toHaveLength(1);
  });
});

describe("a version that cannot serve", () => {
  test.each([
    ["beta", { version: "v1", step: 1 }],
    ["acme", { version: "v2", step: 1 }],
    ["acme", { version: "v1", step: 2 }],
  ])("of %s, %j, is missing", async (tenant, ref) => {
    const { policies } = createTestPolicies();
    await policies.register("acme", "v1", hosted());
    expect(await policies.endpointOf(tenant, ref)).toMatchObject({ ok: false, error: { code: "policy_missing" } });
  });

  test("because it was not there yet is found once it is", async () => {
    const { policies } = createTestPolicies();
    expect((await policies.endpointOf("acme", { version: "v1", step: 1 })).ok).toBe(false);
    await policies.register("acme", "v1", hosted());
    expect((await policies.endpointOf("acme", { version: "v1", step: 1 })).ok).toBe(true);
  });

  test("because its secret was taken away says so without the secret", async () => {
    const { policies, store } = createTestPolicies();
    await policies.register("acme", "v1", hosted({ secret: "TENANT_SECRET_VLLM" }));
    const later = createTestPolicies(store, { secretFor: createTenantSecrets({}) });
    const refused = await later.policies.endpointOf("acme", { version: "v1", step: 1 });
    expect(refused).toMatchObject({ ok: false, error: { code: "policy_secret_refused" } });
    expect(JSON.stringify(refused)).not.toContain("k-123456");
  });

  test.each([
    ["gone", null, "policy_missing"],
    ["of another shape", { version: "v1", rows: [] }, "policy_unreadable"],
  ])("because its weights are %s is looked for again", async (_what, stored, code) => {
    const { policies, store } = createTestPolicies();
    await policies.register("acme", "v1", offline("v1"));
    const [[key, weights] = ["", null]] = store.weights;
    store.weights.set(key, stored);
    expect(await policies.endpointOf("acme", { version: "v1", step: 1 })).toMatchObject({ error: { code } });
    store.weights.set(key, weights);
    expect(await policies.endpointOf("acme", { version: "v1", step: 1 })).toMatchObject({ ok: true });
  });

  test("because the store is away is the platform's fault: it throws", async () => {
    const { policies, store } = createTestPolicies();
    await policies.register("acme", "v1", hosted());
    store.fault = new Error("D1 is down");
    await expect(policies.endpointOf("acme", { version: "v1", step: 1 })).rejects.toThrow("D1 is down");
  });
});
