// A server that a tenant names, with the secret that it is to be called with: may the service call it for this tenant?
// The same for policies and MCP servers. It connects to nothing; whether the server answers is found out by its calls.

import { normaliseBaseUrl } from "./base-url.ts";
import type { DeploymentGuard } from "./guarded-fetch/deployment-guard.ts";
import { isRefusal } from "./guarded-fetch/fetch-fault.ts";
import type { SecretFor } from "./tenant-secrets.ts";

export interface TenantServerDeps {
  readonly guard: Pick<DeploymentGuard, "check">;
  readonly secretFor: SecretFor;
}

export interface TenantServer {
  readonly tenant: string;
  readonly url: string;
  /** The name of a `TENANT_SECRET_` variable. */
  readonly secret: string | undefined;
}

export interface TenantServerFault {
  readonly field: "url" | "secret";
  readonly code: string;
  readonly detail: string;
}

/** The first fault; null where there is none. */
export async function checkTenantServer(
  { guard, secretFor }: TenantServerDeps,
  { tenant, url: text, secret }: TenantServer,
): Promise<TenantServerFault | null> {
  const url = normaliseBaseUrl(text);
  if (!url.ok) {
    return { field: "url", code: "bad_url", detail: `It ${url.error}.` };
  }
  const address = await guard.check(url.value);
  // A server that is not there yet may come; an address that is refused stays refused.
  if (!address.ok && isRefusal(address.error.code)) {
    return { field: "url", ...address.error };
  }
  const value = secret === undefined ? null : secretFor(tenant, secret, new URL(url.value).host);
  return value === null || value.ok ? null : { field: "secret", ...value.error };
}
