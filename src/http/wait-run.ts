// Waits for a run's end. The caller waits on the durable log, never on one RPC promise: when the object is reset,
// it attaches again, a bounded number of times. Nothing here cancels a run.

import type { RunObject } from "../agent/run-object.ts";
import { callSession, requireFound, type SessionName } from "./call-session.ts";
import type { Services } from "./services.ts";

/** Failed attaches in a row before the caller is told to come back: eight seconds, with pauses that double. */
const maxFailures = 6;
const firstPauseMs = 250;
/** An attach that held for so long was a good one. */
const goodAttachMs = 5000;

/** `detached`: the run goes on, but its object could not be reached; `run` is the last state that was seen. */
export type Waited = { readonly kind: "ended" | "detached"; readonly run: RunObject };

export function hasEnded(run: RunObject): boolean {
  return run.status !== "queued" && run.status !== "running";
}

/** Throws 404 or 410 if the run is erased meanwhile. `signal` ends the waiting when nobody listens any more. */
export async function waitForRun(
  services: Services,
  name: SessionName,
  run: RunObject,
  signal: AbortSignal,
): Promise<Waited> {
  if (hasEnded(run)) {
    return { kind: "ended", run };
  }
  for (let failures = 0; failures < maxFailures && !signal.aborted;) {
    const attachedAt = services.clock.now();
    const waited = await attach(services, name, run.id);
    if (waited !== null) {
      return { kind: "ended", run: await requireFound(services, name, "run", waited) };
    }
    failures = services.clock.now() - attachedAt > goodAttachMs ? 1 : failures + 1;
    if (failures === maxFailures) {
      break;
    }
    await services.clock.sleep(firstPauseMs * 2 ** (failures - 1), signal);
  }
  return { kind: "detached", run };
}

/** Null when the attach failed. Whatever it failed of, the run is safe in its log, so that no error leaves here. */
async function attach(services: Services, name: SessionName, runId: string) {
  try {
    return await callSession(services, name, "once", (session) => session.waitForEnd(runId));
  } catch {
    return null;
  }
}
