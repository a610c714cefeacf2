// A session object in memory, scripted from outside: the HTTP tests start a run, append events to it and look at
// what callers see. It keeps the contract of SessionApi and computes nothing.

import type { Found, SessionApi, StartOutcome, StartRun, StreamOutcome } from "../../durable-objects/session-api.ts";
import { isTerminal, type EventType, type RunEvent, type RunUsage } from "../../src/agent/events.ts";
import type { RunObject } from "../../src/agent/run-object.ts";
import { runIdOf } from "../../src/lib/ids.ts";
import { createEventStream, type EventDelta, type EventSnapshot, type StreamNews } from "../../src/lib/sse.ts";

const usage: RunUsage = { total: { prompt_tokens: 10, completion_tokens: 5 }, by_role: {} };
const at = "2026-11-22T10:00:00.000Z";

export interface FakeRun {
  run: RunObject;
  readonly events: RunEvent[];
  append(event: RunEvent): void;
  delta(text: string): void;
  /** Whoever waits for the end is cut off with this error, as when the object is reset. */
  breakWaits(error: unknown): void;
  /** Ends the run with this answer. */
  complete(answer: string): void;
}

export interface FakeSession extends SessionApi {
  readonly runs: Map<string, FakeRun>;
  /** The next calls fail with these errors, one each. */
  readonly faults: unknown[];
  readonly calls: string[];
  isGone: boolean;
  /** Answers the next start with this. */
  nextStart: StartOutcome | null;
  /** A new run ends at once with this answer; null = it waits for `complete`. */
  autoAnswer: string | null;
}

function createdEvent(run: RunObject, start: StartRun): RunEvent {
  return {
    ...start.spec,
    type: "run.created",
    seq: 1,
    run_id: run.id,
    turn: null,
    at,
    session_id: run.session_id,
  };
}

function newRun(id: string, start: StartRun): RunObject {
  const { spec } = start;
  return {
    id,
    session_id: start.sessionId,
    status: "running",
    query: spec.query,
    answer: null,
    outputs: {},
    turns: [],
    usage,
    limits: spec.limits,
    tools: spec.tools,
    policy_version: spec.policy.version,
    created_at: at,
    ended_at: null,
    metadata: spec.metadata,
  };
}

/** One run's log with its listeners and its pending text. */
function createFakeRun(id: string, start: StartRun) {
  const listeners = new Set<(news: StreamNews<RunEvent>) => void>();
  const waiting: PromiseWithResolvers<void>[] = [];
  let partial: EventSnapshot | null = null;
  const fake: FakeRun = {
    run: newRun(id, start),
    events: [],
    append(event) {
      fake.events.push(event);
      partial = null;
      for (const listener of listeners) {
        listener({ kind: "appended", event });
      }
    },
    delta(text) {
      const delta: EventDelta = { type: "answer.delta", run_id: id, turn: null, at, text, output: "direct" };
      partial = { ...delta, type: "snapshot", of: "answer.delta", text: (partial?.text ?? "") + text };
      for (const listener of listeners) {
        listener({ kind: "delta", after: fake.events.length, delta });
      }
    },
    breakWaits(error) {
      for (const waiter of waiting.splice(0)) {
        waiter.reject(error);
      }
    },
    complete(answer) {
      fake.run = { ...fake.run, status: "completed", answer, outputs: { direct: answer }, ended_at: at };
      const seq = fake.events.length + 1;
      fake.append({ type: "run.completed", seq, run_id: id, turn: null, at, answer, usage });
      for (const waiter of waiting.splice(0)) {
        waiter.resolve();
      }
    },
  };
  fake.append(createdEvent(fake.run, start));
  const isEnded = () => fake.events.some((event) => isTerminal(event.type satisfies EventType));
  return {
    fake,
    isEnded,
    waitForEnd(): Promise<void> {
      const waiter = Promise.withResolvers<void>();
      if (isEnded()) {
        waiter.resolve();
      } else {
        waiting.push(waiter);
      }
      return waiter.promise;
    },
    stream: (after: number) =>
      createEventStream<RunEvent>({
        after,
        read: (from, limit) => fake.events.filter((event) => event.seq > from).slice(0, limit),
        subscribe(listener) {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        snapshot: () => partial,
        isEnded,
        startTimer: () => () => undefined,
      }),
  };
}

type Kept = ReturnType<typeof createFakeRun>;

export function createFakeSession(sessionId: string): FakeSession {
  const kept = new Map<string, Kept>();
  const keys = new Map<string, { bodyHash: string; runId: string }>();

  async function enter(name: string): Promise<void> {
    session.calls.push(name);
    const fault = session.faults.shift();
    if (fault !== undefined) {
      throw fault;
    }
  }

  async function onRun<T>(name: string, runId: string, read: (run: Kept) => T | Promise<T>): Promise<Found<T>> {
    await enter(name);
    const found = kept.get(runId);
    if (session.isGone) {
      return { kind: "gone" };
    }
    return found === undefined ? { kind: "unknown" } : { kind: "found", value: await read(found) };
  }

  function start(input: StartRun): StartOutcome {
    const key = input.idempotency;
    const earlier = key === null ? undefined : keys.get(key.keyHash);
    const replayed = earlier === undefined ? undefined : session.runs.get(earlier.runId);
    if (earlier !== undefined && replayed !== undefined) {
      return earlier.bodyHash === key?.bodyHash ? { kind: "replayed", run: replayed.run } : { kind: "key_reused" };
    }
    if (input.session === "existing" && kept.size === 0) {
      return { kind: "unknown_session" };
    }
    const id = runIdOf(sessionId, kept.size + 1);
    const run = createFakeRun(id, input);
    kept.set(id, run);
    session.runs.set(id, run.fake);
    if (key !== null) {
      keys.set(key.keyHash, { bodyHash: key.bodyHash, runId: id });
    }
    if (session.autoAnswer !== null) {
      run.fake.complete(session.autoAnswer);
    }
    return { kind: "started", run: run.fake.run };
  }

  const session: FakeSession = {
    runs: new Map(),
    faults: [],
    calls: [],
    isGone: false,
    nextStart: null,
    autoAnswer: null,
    async startRun(input) {
      await enter("startRun");
      const scripted = session.nextStart;
      session.nextStart = null;
      return scripted ?? (session.isGone ? { kind: "gone" } : start(input));
    },
    getRun: (runId) => onRun("getRun", runId, ({ fake }) => fake.run),
    waitForEnd: (runId) =>
      onRun("waitForEnd", runId, async (run) => {
        await run.waitForEnd();
        return run.fake.run;
      }),
    readEvents: (runId, after, limit, detail) =>
      onRun(`readEvents ${detail}`, runId, ({ fake, isEnded }) => {
        const rest = fake.events.filter((event) => event.seq > after);
        return { events: rest.slice(0, limit), hasMore: rest.length > limit, ended: isEnded() && rest.length <= limit };
      }),
    async streamEvents(runId, after, detail): Promise<StreamOutcome> {
      const found = await onRun(`streamEvents ${detail}`, runId, (run) => run);
      if (found.kind !== "found") {
        return found;
      }
      const isDrained = found.value.isEnded() && after >= found.value.fake.events.length;
      return isDrained ? { kind: "drained" } : { kind: "stream", body: found.value.stream(after) };
    },
    cancelRun: (runId) =>
      onRun("cancelRun", runId, ({ fake, isEnded }) => {
        if (!isEnded()) {
          fake.run = { ...fake.run, status: "cancelled", ended_at: at };
          fake.append({ type: "run.cancelled", seq: fake.events.length + 1, run_id: runId, turn: null, at, usage });
        }
        return fake.run;
      }),
    getRecord: (runId) => onRun("getRecord", runId, () => ({ rollout_id: runId })),
    async getSession({ after, limit } = { after: null, limit: 100 }) {
      await enter("getSession");
      const all = [...session.runs.values()];
      const rest = all.slice(all.findIndex(({ run }) => run.id === after) + 1);
      const runs = rest.slice(0, limit).map(({ run }) => ({
        id: run.id,
        status: run.status,
        query: run.query,
        answer: run.answer,
        created_at: run.created_at,
        ended_at: run.ended_at,
      }));
      if (session.isGone) {
        return { kind: "gone" };
      }
      const has_more = rest.length > limit;
      return all.length === 0
        ? { kind: "unknown" }
        : { kind: "found", value: { id: sessionId, created_at: at, runs, has_more } };
    },
    async erase() {
      await enter("erase");
      if (session.isGone || kept.size === 0) {
        return { kind: session.isGone ? "gone" : "unknown" };
      }
      session.isGone = true;
      return { kind: "found", value: { run_ids: [...kept.keys()] } };
    },
    wake: () => enter("wake"),
  };
  return session;
}
