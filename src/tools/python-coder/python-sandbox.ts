// The sandbox port: runs one Python program of a run and says how it ended. Whoever implements it keeps the variables
// of a run's programs, keeps runs apart, and stops what exceeds its limits.

import type { Result } from "../../lib/result.ts";
import type { ProgramLimits } from "./sandbox/job.ts";
import type { SandboxAnswer } from "./sandbox-answer.ts";

/** How long a call may wait for an interpreter before it is `sandbox_busy`. */
export const maxQueueMs = 60_000;

export interface PythonRequest {
  readonly tenant: string;
  readonly runId: string;
  readonly code: string;
  /** The run's earlier programs that ended well, oldest first. */
  readonly earlierCode: readonly string[];
  readonly limits: ProgramLimits;
  /** `namespace` spares the boot between runs; only for programs that are our own. */
  readonly isolation: "interpreter" | "namespace";
  /** Told when the call must wait behind other runs; `served` settles when its wait is over, however it ends. */
  readonly onQueued: (served: Promise<void>) => void;
}

/** Why there is no answer at all. A program that fails or is stopped is an answer, not a fault. */
export interface SandboxFault {
  readonly code: "sandbox_crashed" | "sandbox_unavailable" | "sandbox_busy" | "sandbox_overloaded" | "aborted";
  readonly detail: string;
}

export interface PythonSandbox {
  /** Rejects only for bugs. */
  run(request: PythonRequest, signal: AbortSignal): Promise<Result<SandboxAnswer, SandboxFault>>;
}
