// How long a job may take in an isolate, however slow the machine is. Its own limits end a program long before; these are
// for what does not answer at all. They decide nothing about a program.

import type { ProgramLimits, SandboxJob } from "./sandbox/job.ts";

/** What a job may take beyond its limits: a boot on a busy machine, with room. */
export const hangMarginMs = 45_000;

/**
 * Processor time of a job in a deployed isolate; workerd on a laptop does not enforce it. It is the most that Cloudflare
 * grants, because it must not end what its limits allow: a program's fuel is some ten seconds, 80 where arithmetic burns as
 * little as 70 units a second, and with earlier programs to run again there are that many times more of it. The pool's
 * patience, which is shorter and blames nobody's program, comes first; what is left to this bound is an isolate that was
 * given up and computes on.
 */
export const maxCpuMs = 300_000;

function longest({ timeMs, waitMs }: ProgramLimits): number {
  return timeMs + waitMs;
}

/** How long the pool waits for the answer to a job. */
export function patienceMsOf(job: Pick<SandboxJob, "limits" | "replayLimits" | "earlierCode">): number {
  const replayMs = job.earlierCode.length > 0 ? longest(job.replayLimits) : 0;
  return hangMarginMs + replayMs + longest(job.limits);
}
