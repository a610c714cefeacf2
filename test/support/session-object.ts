// A session as the tests see it: an object of its own by name, a run's input, its log, and a crash that drops the
// loop in the middle of whatever it does. No assertions beyond the kind of an outcome.

import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Found, SessionApi, StartOutcome, StartRun } from "../../durable-objects/session-api.ts";
import type { Session } from "../../durable-objects/session.ts";
import type { RunEvent } from "../../src/agent/events.ts";
import type { RunObject } from "../../src/agent/run-object.ts";
import { newSessionId, runIdOf } from "../../src/lib/ids.ts";

export const tenant = "acme";

/** What an RPC found; a test that expects it fails with what came instead. */
export function valueOf<T>(found: Found<T>): T {
  return found.kind === "found" ? found.value : expect.unreachable(`it is ${found.kind}`);
}

/** A value that must be there. */
export function present<T>(value: T | null | undefined, what: string): T {
  return value ?? expect.unreachable(`there is no ${what}`);
}

/** Fields of the run's specification that a test cares about, and the rest of the request. */
export type RunInput = Partial<StartRun["spec"]> & Partial<Pick<StartRun, "session" | "reference" | "idempotency">>;

export interface SessionUnderTest {
  readonly id: string;
  /** A new stub each time: one that has seen its object die stays broken. */
  stub(): DurableObjectStub<Session>;
  api(): SessionApi;
  /** `ordinal` counts from 1. */
  readonly runId: (ordinal: number) => string;
  tryStart(input?: RunInput): Promise<StartOutcome>;
  start(input?: RunInput): Promise<RunObject>;
  ended(runId: string): Promise<RunObject>;
  log(runId: string): Promise<RunEvent[]>;
  /** What its SQLite answers. */
  sql(query: string): Promise<Record<string, SqlStorageValue>[]>;
  /** Milliseconds since the epoch. */
  alarmAt(): Promise<number | null>;
}

export function newSession(): SessionUnderTest {
  const id = newSessionId({ now: () => Date.now(), random: (bytes) => crypto.getRandomValues(bytes) });
  const stub = () => env.SESSION.getByName(`${tenant}/${id}`);
  const api = (): SessionApi => stub();
  const tryStart = (input: RunInput = {}) => api().startRun(startRun(id, input));
  return {
    id,
    stub,
    api,
    runId: (ordinal) => runIdOf(id, ordinal),
    tryStart,
    async start(input) {
      const outcome = await tryStart(input);
      return outcome.kind === "started" ? outcome.run : expect.unreachable(`the run was not started: ${outcome.kind}`);
    },
    async ended(runId) {
      return valueOf(await api().waitForEnd(runId));
    },
    async log(runId) {
      return valueOf(await api().readEvents(runId, 0, 1000, "public")).events;
    },
    sql: (query) => runInDurableObject(stub(), (_, state) => state.storage.sql.exec(query).toArray()),
    alarmAt: () => runInDurableObject(stub(), (_, state) => state.storage.getAlarm()),
  };
}

function startRun(sessionId: string, input: RunInput): StartRun {
  const { session = "new", reference = null, idempotency = null, ...change } = input;
  return {
    tenant,
    sessionId,
    session,
    reference,
    idempotency,
    spec: {
      query: "What is six times seven?",
      outputs: ["direct"],
      limits: { max_turns: 10, max_seconds: 300, max_tokens: 200_000 },
      tools: ["base_generator"],
      // The configured planner, whatever it is called: only registered ones have a step.
      policy: { version: "planner-7", step: 0 },
      sampling: { temperature: 0 },
      planner_structure: "guided",
      metadata: {},
      ...change,
    },
  };
}

/**
 * Kills every object where it stands, as a lost machine would: unlike an eviction it waits for nothing. To be called
 * after `until` or a reply, never straight after a promise that an object settled, which workerd does not survive.
 */
export async function crash(): Promise<void> {
  await scheduler.wait(1);
  await abortAllDurableObjects();
}

/** Resolves once `isTrue` does, looking again each time the event loop comes round; the test's timeout is its bound. */
export async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) {
    await scheduler.wait(1);
  }
}
