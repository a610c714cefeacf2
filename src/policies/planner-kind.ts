// Whether a version is played by a model or by the offline planner, which knows two tools and would choose no other.

import type { PolicyRef } from "../agent/run-spec.ts";
import { findKept, type PolicyCache } from "./endpoints.ts";

export type PlannerKind = "offline" | "hosted";

/** `configured`: of the deployment's own planner. Throws StoreFault. */
export function createPlannerKinds(
  deps: PolicyCache,
  configured: PlannerKind,
): (tenant: string, policy: PolicyRef) => Promise<PlannerKind> {
  return async (tenant, { version, step }) => {
    const registered = step === 0 ? null : await findKept(deps, tenant, version);
    return registered === null ? configured : registered.endpoint.kind;
  };
}
