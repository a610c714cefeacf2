// The policies of a deployment for HTTP tests: the real registry over the worker's own D1 and R2, no network.

import { env } from "cloudflare:workers";
import { createDeploymentGuard } from "../../src/lib/guarded-fetch/deployment-guard.ts";
import { createTenantSecrets } from "../../src/lib/tenant-secrets.ts";
import { createPolicies, type Policies } from "../../src/policies/policies.ts";
import { createPolicyStore } from "../../src/store/policies.ts";
import { startMs } from "./http-services.ts";

const now = () => startMs;

/** `configured` is the configured planner's version and model. */
export function realPolicies(configured: string, variables: Readonly<Record<string, string>> = {}): Policies {
  return createPolicies({
    store: createPolicyStore(env.DB, env.BUCKET),
    configured: { version: configured, model: configured },
    guard: createDeploymentGuard(variables, { fetch: () => Promise.reject(new Error("no network")), now }),
    secretFor: createTenantSecrets(variables),
    now,
  });
}
