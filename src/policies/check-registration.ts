// What no schema can check of a registration: that its address is one the service may call, its secret one the
// tenant may use there, its datasets the tenant's own, and its weights those of the version they are sent for.

import { normaliseBaseUrl } from "../engines/endpoints.ts";
import type { DeploymentGuard } from "../lib/guarded-fetch/deployment-guard.ts";
import { isRefusal } from "../lib/guarded-fetch/fetch-fault.ts";
import type { SecretFor } from "../lib/tenant-secrets.ts";
import type { PolicyStore } from "../store/policies.ts";
import type { PolicyRegistration } from "./registration.ts";

/** One field's error, as HTTP shows it. */
export interface InvalidRegistration {
  readonly kind: "invalid";
  readonly field: string;
  readonly code: string;
  readonly detail: string;
}

export interface CheckDeps {
  readonly store: Pick<PolicyStore, "unknownDatasets">;
  readonly guard: Pick<DeploymentGuard, "check">;
  readonly secretFor: SecretFor;
}

export interface Checked {
  readonly tenant: string;
  readonly version: string;
  readonly registration: PolicyRegistration;
  readonly datasets: readonly string[];
}

/** The first fault; null where there is none. */
export async function checkRegistration(deps: CheckDeps, checked: Checked): Promise<InvalidRegistration | null> {
  const { tenant, version, registration, datasets } = checked;
  if (registration.engine === "offline") {
    if (registration.weights.version !== version) {
      return invalid("weights.version", "version_differs", `The path says ${version}.`);
    }
  } else {
    const fault = await checkEndpoint(deps, tenant, registration);
    if (fault !== null) {
      return fault;
    }
  }
  const [unknown] = datasets.length === 0 ? [] : await deps.store.unknownDatasets(tenant, datasets);
  const index = unknown === undefined ? 0 : registration.datasets.indexOf(unknown);
  return unknown === undefined ? null : invalid(`datasets[${index}]`, "unknown_dataset", `There is no ${unknown}.`);
}

async function checkEndpoint(
  { guard, secretFor }: CheckDeps,
  tenant: string,
  { base_url, secret }: Exclude<PolicyRegistration, { engine: "offline" }>,
): Promise<InvalidRegistration | null> {
  const url = normaliseBaseUrl(base_url);
  if (!url.ok) {
    return invalid("base_url", "bad_url", `It ${url.error}.`);
  }
  const address = await guard.check(url.value);
  // A server that is not there yet may come; an address that is refused stays refused.
  if (!address.ok && isRefusal(address.error.code)) {
    return invalid("base_url", address.error.code, address.error.detail);
  }
  const value = secret === undefined ? null : secretFor(tenant, secret, new URL(url.value).host);
  return value === null || value.ok ? null : invalid("secret", value.error.code, value.error.detail);
}

function invalid(field: string, code: string, detail: string): InvalidRegistration {
  return { kind: "invalid", field, code, detail };
}
