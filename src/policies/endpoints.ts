// Where the planner of a run is served: the version that the run is pinned to, with its key or its weights. Asked
// once when a loop takes a run up. It never falls back to another planner: a version that is not there fails the run.

import type { PolicyRef } from "../agent/run-spec.ts";
import type { OfflinePolicy, PolicyEndpoint } from "../engines/engine.ts";
import { OfflineWeights } from "../engines/offline/policy/weights.ts";
import { err, ok, type Result } from "../lib/result.ts";
import type { SecretFor } from "../lib/tenant-secrets.ts";
import type { TtlCache } from "../lib/ttl-cache.ts";
import type { PolicyStore } from "../store/policies.ts";
import type { RegisteredPolicy, StoredEndpoint } from "./registration.ts";

export interface PolicyFault {
  readonly code: "policy_missing" | "policy_unreadable" | "policy_secret_refused";
  /** For people; holds no key. */
  readonly detail: string;
}

/** Null: the configured planner. Throws StoreFault, which is the platform's fault and not the run's. */
export type EndpointOf = (tenant: string, policy: PolicyRef) => Promise<Result<PolicyEndpoint | null, PolicyFault>>;

export type KeptWeights = Result<OfflinePolicy, PolicyFault>;

export interface PolicyCache {
  readonly store: Pick<PolicyStore, "find">;
  /** By tenant and version. A registered version never changes; one that is missing is not remembered. */
  readonly policies: TtlCache<RegisteredPolicy | null>;
}

export interface EndpointDeps extends PolicyCache {
  readonly store: Pick<PolicyStore, "find" | "readWeights">;
  /** By key in R2; a fault is not remembered either. */
  readonly weights: TtlCache<KeptWeights>;
  readonly secretFor: SecretFor;
}

export function createPolicyEndpoints(deps: EndpointDeps): EndpointOf {
  return async (tenant, { version, step }) => {
    if (step === 0) {
      return ok(null);
    }
    const registered = await findKept(deps, tenant, version);
    return registered === null || registered.policy_step !== step
      ? err({ code: "policy_missing", detail: `there is no policy ${version}` })
      : toEndpoint(deps, tenant, registered.version, registered.endpoint);
  };
}

export async function findKept({ policies, store }: PolicyCache, tenant: string, version: string) {
  const key = `${tenant}/${version}`;
  const found = await policies.get(key, () => store.find(tenant, version));
  if (found === null) {
    policies.delete(key);
  }
  return found;
}

async function toEndpoint(
  deps: EndpointDeps,
  tenant: string,
  version: string,
  endpoint: StoredEndpoint,
): Promise<Result<PolicyEndpoint, PolicyFault>> {
  if (endpoint.kind === "offline") {
    return readWeights(deps, version, endpoint.weights_key);
  }
  const { base_url: baseUrl, model, secret, logprobs_mode: logprobsMode } = endpoint;
  const key = secret === null ? ok(null) : deps.secretFor(tenant, secret, new URL(baseUrl).host);
  return key.ok
    ? ok({ kind: "hosted", baseUrl, model, apiKey: key.value, logprobsMode })
    : err({ code: "policy_secret_refused", detail: key.error.detail });
}

async function readWeights({ weights, store }: EndpointDeps, version: string, key: string): Promise<KeptWeights> {
  // Parsed before it is kept: a quarter of a megabyte is read once an isolate, and the object is the same each time.
  const kept = await weights.get(key, async () => toPolicy(version, await store.readWeights(key)));
  if (!kept.ok) {
    weights.delete(key);
  }
  return kept;
}

function toPolicy(version: string, stored: unknown): KeptWeights {
  if (stored === null) {
    return err({ code: "policy_missing", detail: `the weights of policy ${version} are gone` });
  }
  const parsed = OfflineWeights.safeParse(stored);
  return parsed.success
    ? ok({ kind: "offline", weights: parsed.data })
    : err({ code: "policy_unreadable", detail: `the weights of policy ${version} are not of this version's planner` });
}
