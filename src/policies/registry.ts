// Which planner versions a tenant has and which one serves its new runs. A version is registered once and never
// changed, so that what a dataset says about its policy stays true; the configured planner is version 0 of everybody.

import type { PolicyRef } from "../agent/run-spec.ts";
import { canonicalJson } from "../lib/canonical-json.ts";
import type { DeploymentGuard } from "../lib/guarded-fetch/deployment-guard.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { sha256Hex } from "../lib/sha256.ts";
import type { SecretFor } from "../lib/tenant-secrets.ts";
import type { TtlCache } from "../lib/ttl-cache.ts";
import type { PolicyStore } from "../store/policies.ts";
import { checkRegistration, type InvalidRegistration } from "./check-registration.ts";
import type { PolicyRegistration, RegisteredPolicy, StoredEndpoint } from "./registration.ts";

/** The planner of the deployment's own configuration, with the model that serves it. */
export interface ConfiguredPlanner {
  readonly version: string;
  readonly model: string;
}

/** Registered versions have 1 and more. */
const configuredStep = 0;

export interface RegistryDeps {
  readonly store: PolicyStore;
  readonly configured: ConfiguredPlanner;
  /** By tenant. Half a minute at most (DESIGN section 4); an activation in this isolate shows at once. */
  readonly activeCache: TtlCache<PolicyRef>;
  readonly guard: Pick<DeploymentGuard, "check">;
  readonly secretFor: SecretFor;
  readonly now: () => number;
}

export type RegisterFault =
  /** The name stands for something else. */
  { readonly kind: "conflict"; readonly detail: string } | InvalidRegistration;

/** `configured`: not registered by anybody; goes by the deployment's variables. */
export type Policy =
  | { readonly kind: "registered"; readonly isActive: boolean; readonly registered: RegisteredPolicy }
  | { readonly kind: "configured"; readonly isActive: boolean; readonly configured: ConfiguredPlanner };

export interface PolicyPage {
  readonly policies: readonly Policy[];
  /** Where the next page begins; null on the last. */
  readonly next: number | null;
}

export interface PolicyRegistry {
  /** The active version, or the named one; null where the tenant has none of that name. */
  resolve(tenant: string, version?: string): Promise<PolicyRef | null>;
  register(
    tenant: string,
    version: string,
    registration: PolicyRegistration,
  ): Promise<Result<{ readonly policy: Policy; readonly isNew: boolean }, RegisterFault>>;
  get(tenant: string, version: string): Promise<Policy | null>;
  /** Newest first, the configured planner last. `before`: a policy_step. */
  list(tenant: string, page: { readonly before: number | null; readonly limit: number }): Promise<PolicyPage>;
  /** Null where there is no such version. */
  activate(tenant: string, version: string): Promise<Policy | null>;
  datasetsMadeWith(tenant: string, version: string): Promise<readonly string[]>;
}

export function createPolicyRegistry(deps: RegistryDeps): PolicyRegistry {
  const { store, configured, activeCache } = deps;
  const configuredRef: PolicyRef = { version: configured.version, step: configuredStep };
  const active = (tenant: string) => activeCache.get(tenant, async () => (await store.active(tenant)) ?? configuredRef);

  const toPolicy = async (tenant: string, registered: RegisteredPolicy): Promise<Policy> => {
    const { version, step } = await active(tenant);
    const isActive = version === registered.version && step === registered.policy_step;
    return { kind: "registered", isActive, registered };
  };
  const configuredPolicy = async (tenant: string): Promise<Policy> => {
    const { step } = await active(tenant);
    return { kind: "configured", isActive: step === configuredStep, configured };
  };
  // A registered version wins over a planner that was configured under its name afterwards.
  const get = async (tenant: string, version: string): Promise<Policy | null> => {
    const registered = await store.find(tenant, version);
    if (registered !== null) {
      return toPolicy(tenant, registered);
    }
    return version === configured.version ? configuredPolicy(tenant) : null;
  };

  return {
    get,
    async resolve(tenant, version) {
      const current = await active(tenant);
      if (version === undefined || (version === current.version && current.step !== configuredStep)) {
        return current;
      }
      const found = await get(tenant, version);
      return found === null ? null : refOf(found);
    },
    async register(tenant, version, registration) {
      const stood = await registerOnce(deps, { tenant, version, registration });
      return stood.ok
        ? ok({ policy: await toPolicy(tenant, stood.value.registered), isNew: stood.value.isNew })
        : stood;
    },
    async list(tenant, { before, limit }) {
      // One more than asked tells whether there is another page.
      const rows = await store.list(tenant, { before, limit: limit + 1 });
      const page = await Promise.all(rows.slice(0, limit).map((row) => toPolicy(tenant, row)));
      const last = rows[limit - 1];
      return rows.length > limit && last !== undefined
        ? { policies: page, next: last.policy_step }
        : { policies: [...page, await configuredPolicy(tenant)], next: null };
    },
    async activate(tenant, version) {
      const found = await get(tenant, version);
      const name = found?.kind === "registered" ? version : null;
      const isDone = found !== null && (await store.activate(tenant, name, new Date(deps.now()).toISOString()));
      activeCache.delete(tenant);
      return isDone ? get(tenant, version) : null;
    },
    datasetsMadeWith: (tenant, version) => store.datasetsMadeWith(tenant, version),
  };
}

function refOf(policy: Policy): PolicyRef {
  return policy.kind === "registered"
    ? { version: policy.registered.version, step: policy.registered.policy_step }
    : { version: policy.configured.version, step: configuredStep };
}

interface Registering {
  readonly tenant: string;
  readonly version: string;
  readonly registration: PolicyRegistration;
}

type Registered = { readonly registered: RegisteredPolicy; readonly isNew: boolean };

async function registerOnce(deps: RegistryDeps, asked: Registering): Promise<Result<Registered, RegisterFault>> {
  const { store, configured } = deps;
  const { tenant, version, registration } = asked;
  const datasets = [...new Set(registration.datasets)].toSorted();
  const sha256 = await sha256Hex(
    canonicalJson({ ...registration, engine: registration.engine ?? "openai-compatible", datasets }),
  );
  const earlier = await store.find(tenant, version);
  if (earlier !== null) {
    return earlier.sha256 === sha256 ? ok({ registered: earlier, isNew: false }) : conflict(version);
  }
  if (version === configured.version) {
    return err({ kind: "conflict", detail: `${version} is the name of the configured planner.` });
  }
  const fault = await checkRegistration(deps, { tenant, version, registration, datasets });
  if (fault !== null) {
    return err(fault);
  }
  const endpoint = await storeEndpoint(store, asked, sha256);
  const createdAt = new Date(deps.now()).toISOString();
  const registered = await store.insert({ tenant, version, endpoint, sha256, createdAt, datasets });
  return registered.sha256 === sha256 ? ok({ registered, isNew: true }) : conflict(version);
}

async function storeEndpoint(store: PolicyStore, asked: Registering, sha256: string): Promise<StoredEndpoint> {
  const { tenant, version, registration } = asked;
  if (registration.engine !== "offline") {
    const { base_url, model, secret = null, logprobs_mode } = registration;
    return { kind: "hosted", base_url, model, secret, logprobs_mode };
  }
  // The hash is in the key, so that two registrations at once cannot overwrite each other's weights.
  const weights_key = `policies/${tenant}/${version}-${sha256.slice(0, 16)}.json`;
  await store.putWeights(weights_key, registration.weights);
  return { kind: "offline", weights_key };
}

function conflict(version: string): Result<never, RegisterFault> {
  return err({ kind: "conflict", detail: `${version} was registered with another body; a version never changes.` });
}
