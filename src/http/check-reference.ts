// Whether a task's reference can score anything here. One that could score no answer at all, or that needs a model
// which this deployment does not have, is refused with the request, not found out at the end of every run.

import { referenceFault } from "../agent/reward-run.ts";
import type { Reference } from "../agent/run-spec.ts";
import type { Services } from "./services.ts";

export interface FaultyReference {
  /** The member of the reference that is at fault. */
  readonly member: "reward" | "answers";
  readonly code: string;
  readonly detail: string;
}

/** Null for a reference that can be used. */
export function checkReference(services: Services, reference: Reference, query: string): FaultyReference | null {
  const fault = referenceFault(reference, query);
  if (fault !== null) {
    return { member: fault.code === "bad_spec" ? "reward" : "answers", ...fault };
  }
  if (reference.reward?.kind === "judge" && !services.config.hasJudge) {
    const detail = "No model judges here: the operator sets JUDGE_BASE_URL or INFERENCE_BASE_URL.";
    return { member: "reward", code: "no_judge", detail };
  }
  return null;
}
