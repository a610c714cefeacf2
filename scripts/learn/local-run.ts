// One run without a server: the same loop, prompts, engine, tool and reward as in a session object, over a log in
// memory. It has no durability, and no model behind it.

import { toEvent } from "../../src/agent/bookkeeping.ts";
import type { NewEvent, RunEvent } from "../../src/agent/events.ts";
import { fold, foldRun } from "../../src/agent/fold.ts";
import { runLoop } from "../../src/agent/loop.ts";
import type { Reference, RunSpec } from "../../src/agent/run-spec.ts";
import type { RunState } from "../../src/agent/run-state.ts";
import type { Clock } from "../../src/engines/clock.ts";
import type { Engine } from "../../src/engines/engine.ts";
import type { Tool } from "../../src/tools/tool.ts";
import { type LogEntry, projectRecord, type RolloutRecord } from "../../src/training/rollout-record.ts";

export interface LocalRun {
  readonly runId: string;
  readonly spec: RunSpec;
  readonly reference: Reference;
  readonly engine: Engine;
  readonly tools: readonly Tool[];
  readonly clock: Clock;
}

export async function localRun({ runId, spec, reference, engine, tools, clock }: LocalRun): Promise<RolloutRecord> {
  const log: LogEntry[] = [];
  const write = (event: NewEvent): RunEvent => {
    const at = new Date(clock.now()).toISOString();
    const stored = toEvent(event, { seq: log.length + 1, run_id: runId, at });
    log.push({ event: stored, detail: event.detail ?? null });
    return stored;
  };
  let state = created(write({ type: "run.created", turn: null, ...spec, detail: { reference } }));
  await runLoop({
    tenant: "local",
    engine,
    tools,
    history: [],
    reference,
    clock,
    random: () => 0,
    onDelta: () => undefined,
    signal: new AbortController().signal,
    activeMs: 0,
    log: {
      get state() {
        return state;
      },
      append(events) {
        state = events.map(write).reduce(fold, state);
        return Promise.resolve("appended");
      },
    },
  });
  return projectRecord(state, log);
}

function created(event: RunEvent): RunState {
  const state = foldRun([event]);
  if (state === null) {
    throw new Error("a created run has a state");
  }
  return state;
}
