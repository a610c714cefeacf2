// How long work that gives no sign of life is trusted before its object's alarm looks after it (DESIGN section 4).

import type { Env } from "../src/env.ts";

const defaultLeaseSeconds = 15;

/** What is not a positive number means the default. */
export function leaseMsOf(env: Env): number {
  const seconds = Number(env.LEASE_SECONDS ?? "");
  return (Number.isFinite(seconds) && seconds > 0 ? seconds : defaultLeaseSeconds) * 1000;
}
