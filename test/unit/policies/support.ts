// A policy store in memory that keeps the contract of the real one, which D1 is tested against in the worker lane.

import { createPolicies, type PoliciesDeps } from "../../../src/policies/policies.ts";
import type { RegisteredPolicy } from "../../../src/policies/registration.ts";
import type { PolicyStore } from "../../../src/store/policies.ts";
import { createDeploymentGuard } from "../../../src/lib/guarded-fetch/deployment-guard.ts";
import { createTenantSecrets } from "../../../src/lib/tenant-secrets.ts";
import { untrainedWeights } from "../../../src/engines/offline/policy/weights.ts";

export interface MemoryStore extends PolicyStore {
  /** Names of the calls that were made. */
  readonly calls: string[];
  readonly weights: Map<string, unknown>;
  readonly datasets: Set<string>;
  /** Calls fail while it is set. */
  fault: Error | null;
}

export function createMemoryStore(): MemoryStore {
  const rows = new Map<string, RegisteredPolicy>();
  const active = new Map<string, string | null>();
  const of = (tenant: string) => [...rows].flatMap(([key, row]) => (key.startsWith(`${tenant}/`) ? row : []));
  const store: MemoryStore = {
    calls: [],
    weights: new Map(),
    datasets: new Set(),
    fault: null,
    insert: ({ tenant, version, createdAt, ...row }) =>
      enter("insert", () => {
        const key = `${tenant}/${version}`;
        const steps = of(tenant).map((one) => one.policy_step);
        const stands = rows.get(key) ?? {
          ...row,
          version,
          created_at: createdAt,
          policy_step: Math.max(0, ...steps) + 1,
          datasets: [...row.datasets],
        };
        rows.set(key, stands);
        return stands;
      }),
    find: (tenant, version) => enter("find", () => rows.get(`${tenant}/${version}`) ?? null),
    list: (tenant, { before, limit }) =>
      enter("list", () =>
        of(tenant)
          .filter((row) => before === null || row.policy_step < before)
          .toSorted((left, right) => right.policy_step - left.policy_step)
          .slice(0, limit),
      ),
    active: (tenant) =>
      enter("active", () => {
        const row = rows.get(`${tenant}/${active.get(tenant) ?? ""}`);
        return row === undefined ? null : { version: row.version, step: row.policy_step };
      }),
    activate: (tenant, version) =>
      enter("activate", () => {
        const isKnown = version === null || rows.has(`${tenant}/${version}`);
        if (isKnown) {
          active.set(tenant, version);
        }
        return isKnown;
      }),
    unknownDatasets: (_tenant, ids) => enter("unknownDatasets", () => ids.filter((id) => !store.datasets.has(id))),
    datasetsMadeWith: () => enter("datasetsMadeWith", () => []),
    putWeights: (key, weights) =>
      enter("putWeights", () => {
        store.weights.set(key, weights);
      }),
    readWeights: (key) => enter("readWeights", () => store.weights.get(key) ?? null),
  };
  async function enter<T>(name: string, call: () => T): Promise<T> {
    store.calls.push(name);
    if (store.fault !== null) {
      throw store.fault;
    }
    return call();
  }
  return store;
}

export const variables = {
  FETCH_ALLOW: "127.0.0.1:8000",
  TENANT_SECRET_VLLM: "k-123456",
  TENANT_SECRET_VLLM_FOR: "acme@vllm.example.com",
};

export function createTestPolicies(store = createMemoryStore(), change: Partial<PoliciesDeps> = {}) {
  const clock = { nowMs: Date.parse("2026-11-22T10:00:00.000Z") };
  const now = () => clock.nowMs;
  const policies = createPolicies({
    store,
    configured: { version: "offline-0", model: "offline-planner/offline-0" },
    guard: createDeploymentGuard(variables, { fetch: () => Promise.reject(new Error("no network")), now }),
    secretFor: createTenantSecrets(variables),
    now,
    ...change,
  });
  return { store, clock, policies };
}

export function hosted(change: Record<string, unknown> = {}) {
  return {
    base_url: "https://vllm.example.com/v1",
    model: "planner",
    logprobs_mode: "unknown" as const,
    datasets: [],
    ...change,
  };
}

export function offline(version: string) {
  return { engine: "offline" as const, weights: untrainedWeights(version), datasets: [] };
}
