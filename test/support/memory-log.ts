// A run's log in memory, under the rules of the session object's: numbers without a gap, all of an append or
// nothing, nothing after a terminal event, and what is stored is JSON that must read back. It can be told to crash
// at an append, and `runToEnd` then starts the loop again as the object does.

import { toEvent } from "../../src/agent/bookkeeping.ts";
import type { AgentDeps, RunLog } from "../../src/agent/deps.ts";
import { EventDetail, isTerminal, type NewEvent, type RunEvent, RunEventSchema } from "../../src/agent/events.ts";
import { fold, foldRun } from "../../src/agent/fold.ts";
import { runLoop } from "../../src/agent/loop.ts";
import { recover } from "../../src/agent/recover.ts";
import type { Reference, RunSpec } from "../../src/agent/run-spec.ts";
import type { RunState } from "../../src/agent/run-state.ts";
import type { Clock } from "../../src/engines/clock.ts";
import type { LogEntry } from "../../src/training/rollout-record.ts";
import { deepFreeze } from "./scripted-engine.ts";

/** `before`: the transaction is lost. `after`: it stands, and the loop dies before it learns of it. */
export type Crash = "before" | "after";

export class CrashError extends Error {}

interface Row {
  /** As it reads back from its JSON text. */
  readonly event: RunEvent;
  readonly detail: string | null;
  readonly activeMs: number;
}

export interface MemoryLog {
  readonly runId: string;
  events(): RunEvent[];
  entries(): LogEntry[];
  readState(): RunState;
  /** Counted milliseconds at the last append. */
  activeMs(): number;
  /** Null: the run has ended, and nothing was written. */
  append(events: readonly NewEvent[], activeMs: number): RunEvent[] | null;
  /** Appends made so far, the creation not counted. */
  readonly appends: number;
}

export interface MemoryLogOptions {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly clock: Clock;
  readonly reference?: Reference;
  /** Asked at each append with its number, from 1. */
  readonly crashAt?: (append: number) => Crash | null;
  /** Called after each commit. */
  readonly onCommit?: (events: readonly RunEvent[]) => void;
}

export function createMemoryLog(options: MemoryLogOptions): MemoryLog {
  const { runId, spec, clock } = options;
  const rows: Row[] = [];
  let appends = 0;

  function toRow(event: NewEvent, seq: number, activeMs: number): Row {
    const stored = toEvent(event, { seq, run_id: runId, at: new Date(clock.now()).toISOString() });
    const detail = event.detail === undefined ? null : JSON.stringify(event.detail);
    return { event: deepFreeze(readEvent(JSON.stringify(stored))), detail, activeMs: Math.round(activeMs) };
  }
  const events = () => rows.map((row) => row.event);

  const reference = options.reference === undefined ? {} : { detail: { reference: options.reference } };
  rows.push(toRow({ type: "run.created", turn: null, ...spec, ...reference }, 1, 0));

  return {
    runId,
    events,
    entries: () => rows.map((row) => ({ event: row.event, detail: readDetail(row.detail) })),
    readState() {
      const state = foldRun(events());
      if (state === null) {
        throw new Error("a created run has a state");
      }
      return state;
    },
    activeMs: () => Math.max(...rows.map((row) => row.activeMs)),
    append(added, activeMs) {
      appends += 1;
      const crash = options.crashAt?.(appends) ?? null;
      if (crash === "before") {
        throw new CrashError(`crash before append ${appends}`);
      }
      if (events().some((event) => isTerminal(event.type))) {
        return null;
      }
      const fresh = added.map((event, index) => toRow(event, rows.length + index + 1, activeMs));
      rows.push(...fresh);
      const stored = fresh.map((row) => row.event);
      options.onCommit?.(stored);
      if (crash === "after") {
        throw new CrashError(`crash after append ${appends}`);
      }
      return stored;
    },
    get appends() {
      return appends;
    },
  };
}

function readEvent(body: string): RunEvent {
  return RunEventSchema.parse(JSON.parse(body));
}

function readDetail(detail: string | null): EventDetail | null {
  return detail === null ? null : EventDetail.parse(JSON.parse(detail));
}

export type LoopParts = Omit<AgentDeps, "log" | "activeMs">;

/** One loop on the log, from what stands in it. */
export function runOnce(log: MemoryLog, parts: LoopParts): Promise<void> {
  return runLoop({ ...parts, log: toRunLog(log, parts.signal), activeMs: log.activeMs() });
}

/** Loops until the run has ended, a recovery noted before each but the first, as the session object does it. */
export async function runToEnd(log: MemoryLog, parts: LoopParts): Promise<{ crashes: number }> {
  let crashes = 0;
  for (let loop = 0; ; loop += 1) {
    if (loop > 1000) {
      throw new Error("the run does not end");
    }
    try {
      if (loop === 0 || takeUp(log) === "unended") {
        await runOnce(log, parts);
      }
      return { crashes };
    } catch (error) {
      if (!(error instanceof CrashError)) {
        throw error;
      }
      crashes += 1;
    }
  }
}

function takeUp(log: MemoryLog): "ended" | "unended" {
  const activeMs = log.activeMs();
  const event = recover(log.readState(), { activeMs, limit: null });
  if (event === null) {
    return "ended";
  }
  log.append([event], activeMs);
  return event.type === "run.failed" ? "ended" : "unended";
}

function toRunLog(log: MemoryLog, signal: AbortSignal): RunLog {
  let state = deepFreeze(log.readState());
  return {
    get state() {
      return state;
    },
    append(events, activeMs) {
      const stored = signal.aborted ? null : log.append(events, activeMs);
      if (stored === null) {
        return Promise.resolve("ended");
      }
      state = deepFreeze(stored.reduce(fold, state));
      return Promise.resolve("appended");
    },
  };
}
