// A deployment's planner versions, put together: the registry that HTTP speaks to and the endpoints that loops ask
// for, over one store and with the caches of one isolate.

import type { PolicyRef } from "../agent/run-spec.ts";
import { createTtlCache } from "../lib/ttl-cache.ts";
import { createPolicyEndpoints, type EndpointOf, type KeptWeights } from "./endpoints.ts";
import { createPlannerKinds, type PlannerKind } from "./planner-kind.ts";
import { createPolicyRegistry, type PolicyRegistry, type RegistryDeps } from "./registry.ts";
import type { RegisteredPolicy } from "./registration.ts";

export interface Policies extends PolicyRegistry {
  readonly endpointOf: EndpointOf;
  readonly plannerOf: (tenant: string, policy: PolicyRef) => Promise<PlannerKind>;
}

export type PoliciesDeps = Omit<RegistryDeps, "activeCache">;

/** DESIGN section 4. */
const activeCacheMs = 30_000;
const maxCachedTenants = 10_000;
const maxCachedPolicies = 256;
/** Parsed weights are about 100 KB each, and an isolate has 128 MB for everything. */
const maxCachedWeights = 16;

export function createPolicies(deps: PoliciesDeps): Policies {
  const { store, secretFor, now } = deps;
  const kept = { now, ttlMs: Infinity };
  const policies = createTtlCache<RegisteredPolicy | null>({ ...kept, maxEntries: maxCachedPolicies });
  return {
    ...createPolicyRegistry({
      ...deps,
      activeCache: createTtlCache<PolicyRef>({ now, ttlMs: activeCacheMs, maxEntries: maxCachedTenants }),
    }),
    endpointOf: createPolicyEndpoints({
      store,
      secretFor,
      policies,
      weights: createTtlCache<KeptWeights>({ ...kept, maxEntries: maxCachedWeights }),
    }),
    plannerOf: createPlannerKinds(
      { store, policies },
      deps.configured.model.startsWith("offline") ? "offline" : "hosted",
    ),
  };
}
