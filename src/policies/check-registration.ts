// What no schema can check of a registration: that its address is one the service may call, its secret one the
// tenant may use there, its datasets the tenant's own, and its weights those of the version they are sent for.

import { checkTenantServer, type TenantServerDeps } from "../lib/tenant-server.ts";
import type { PolicyStore } from "../store/policies.ts";
import type { PolicyRegistration } from "./registration.ts";

/** One field's error, as HTTP shows it. */
export interface InvalidRegistration {
  readonly kind: "invalid";
  readonly field: string;
  readonly code: string;
  readonly detail: string;
}

export interface CheckDeps extends TenantServerDeps {
  readonly store: Pick<PolicyStore, "unknownDatasets">;
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
    const { base_url: url, secret } = registration;
    const fault = await checkTenantServer(deps, { tenant, url, secret });
    if (fault !== null) {
      return invalid(fault.field === "url" ? "base_url" : fault.field, fault.code, fault.detail);
    }
  }
  const [unknown] = datasets.length === 0 ? [] : await deps.store.unknownDatasets(tenant, datasets);
  const index = unknown === undefined ? 0 : registration.datasets.indexOf(unknown);
  return unknown === undefined ? null : invalid(`datasets[${index}]`, "unknown_dataset", `There is no ${unknown}.`);
}

function invalid(field: string, code: string, detail: string): InvalidRegistration {
  return { kind: "invalid", field, code, detail };
}
