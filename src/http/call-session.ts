// Calls to a session's object. An object may be reset at any moment (a deploy, a move, a lost connection); such a
// fault is tried again on a fresh stub where that is safe, and is 503 otherwise. A defect stays a defect.

import type { Found, SessionApi } from "../../durable-objects/session-api.ts";
import { sessionOfRun } from "../lib/ids.ts";
import { unreachable } from "../lib/unreachable.ts";
import { HttpError } from "./problem.ts";
import type { Services } from "./services.ts";

/** Pauses before the second and third try; a reset object is back within milliseconds. */
const pausesMs = [50, 500];

/** Platform faults carry flags; those that lose them across RPC are known by their words. */
const platformWords =
  /reset because|was reset|network connection lost|internal error|cannot resolve|no longer|overloaded|script upgraded|code was updated|broken/i;

function hasFlag(error: object, name: string): boolean {
  return name in error && Reflect.get(error, name) === true;
}

export function isPlatformFault(error: unknown): boolean {
  if (!(error instanceof Error)) {
    return false;
  }
  const flagged = ["retryable", "overloaded", "durableObjectReset"].some((name) => hasFlag(error, name));
  return flagged || platformWords.test(error.message);
}

export interface SessionName {
  readonly tenant: string;
  readonly sessionId: string;
}

/** `once` for calls that a second try could repeat. */
export type Tries = "once" | "again";

export function callSession<T>(
  services: Services,
  { tenant, sessionId }: SessionName,
  tries: Tries,
  call: (session: SessionApi) => Promise<T>,
): Promise<T> {
  const unavailable = (cause: unknown) =>
    new HttpError("session_unavailable", "The session is being moved or restarted. Try again.", { cause });
  return callObject(services, tries, () => call(services.sessions(tenant, sessionId)), unavailable);
}

/** `call` takes a new stub each time, for a stub may be broken. */
export async function callObject<T>(
  services: Pick<Services, "clock">,
  tries: Tries,
  call: () => Promise<T>,
  unavailable: (cause: unknown) => HttpError,
): Promise<T> {
  for (const pauseMs of tries === "again" ? pausesMs : []) {
    try {
      return await call();
    } catch (error) {
      if (!isPlatformFault(error)) {
        throw error;
      }
      await services.clock.sleep(pauseMs, new AbortController().signal);
    }
  }
  try {
    return await call();
  } catch (error) {
    throw isPlatformFault(error) ? unavailable(error) : error;
  }
}

export function notFound(what: string): HttpError {
  return new HttpError("not_found", `There is no such ${what}.`);
}

export function erased(): HttpError {
  return new HttpError("erased", "This session was erased.");
}

function unreadable(seq: number | null): HttpError {
  const readOn = seq === null ? "" : ` Event ${seq} is the first; \`starting_after=${seq}\` reads the events after it.`;
  return new HttpError("log_unreadable", `This version of the service cannot read the run's log.${readOn}`, {
    headers: { "x-should-retry": "false" },
  });
}

/** The session of a run's id; 404 if the text is not such an id. */
export function sessionNameOf(tenant: string, runId: string): SessionName {
  const sessionId = sessionOfRun(runId);
  if (sessionId === null) {
    throw notFound("run");
  }
  return { tenant, sessionId };
}

/** An object that was wiped no longer knows that it was erased; the ledger's tombstone does. */
export async function missing(services: Services, name: SessionName, what: string): Promise<HttpError> {
  return (await services.ledger.isErased(name.tenant, name.sessionId)) ? erased() : notFound(what);
}

/** The value, or 404, 410 or 409. */
export async function requireFound<T>(
  services: Services,
  name: SessionName,
  what: string,
  found: Found<T>,
): Promise<T> {
  switch (found.kind) {
    case "found":
      return found.value;
    case "unknown":
      throw await missing(services, name, what);
    case "gone":
      throw erased();
    case "unreadable":
      throw unreadable(found.seq);
    default:
      return unreachable(found);
  }
}
