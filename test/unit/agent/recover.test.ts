// Recovery owns up to itself in the log and has an end: ten times at one step, a hundred times without progress.

import { describe, expect, it } from "vitest";
import type { RunEvent } from "../../../src/agent/events.ts";
import { fold } from "../../../src/agent/fold.ts";
import { recover } from "../../../src/agent/recover.ts";
import type { RunState } from "../../../src/agent/run-state.ts";
import { invalidReasonOf } from "../../../src/training/validity.ts";
import { endless, eventsOf, limits, oneTurn, playOn, runId, verdict } from "./support.ts";

const live = { activeMs: 0, limit: null };

describe("a recovery", () => {
  it("names the step that is taken up again, its turn and how often that was done", async () => {
    let planned = false;
    const { events } = await playOn({
      script: endless(),
      spec: limits({ max_turns: 1 }),
      onCommit: (committed) => {
        planned ||= committed.some((event) => event.type === "plan.completed");
      },
      crashAt: (append) => (planned && append < 8 && append % 2 === 0 ? "before" : null),
    });
    const recoveries = eventsOf(events, "step.retried");
    expect(recoveries).toMatchObject([
      { step: "command", turn: 1, attempt: 1, role: "executor", reason: "recovered" },
      { step: "command", turn: 1, attempt: 2, role: "executor", reason: "recovered" },
    ]);
  });

  it("of a run that has ended is none", async () => {
    const { log } = await playOn({ script: oneTurn() });
    expect(recover(log.readState(), live)).toBeNull();
  });

  it("of a queued run is its start", async () => {
    const { log } = await playOn({ script: oneTurn() });
    const [created] = log.events();
    const state = created === undefined ? null : fold(null, created);
    expect(state === null ? null : recover(state, live)).toMatchObject({
      type: "step.retried",
      step: "start",
      turn: null,
    });
  });
});

describe("a run that takes the service down with it", () => {
  it("at one step is given up after ten recoveries", async () => {
    const { events, run, log } = await playOn({
      script: endless(),
      // The recovery itself is committed; whatever the loop would append after it is lost.
      crashAt: (append) => (append === 1 || append % 2 === 0 ? null : "before"),
    });
    expect(eventsOf(events, "step.retried").map((event) => event.attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(run).toMatchObject({ status: "failed", error: { code: "recovery_exhausted" } });
    expect(invalidReasonOf(log.readState(), [], null)).toBe("platform_lost");
  });

  it("at ever new steps goes on, for it comes further between them", async () => {
    // Each step is recovered four times before the loop is let past it.
    const { events, run, log } = await playOn({
      script: endless(),
      spec: limits({ max_turns: 20 }),
      crashAt: (append) => (append % 9 === 0 || append % 2 === 0 ? null : "before"),
    });
    expect(run).toMatchObject({ status: "incomplete", reason: "max_turns" });
    expect(log.readState().recoveries.sinceProgress).toBe(0);
    expect(eventsOf(events, "step.retried").length).toBeGreaterThan(100);
    expect(Math.max(...eventsOf(events, "step.retried").map((event) => event.attempt))).toBeLessThan(10);
  });

  it("may still end well after nine recoveries at one step", async () => {
    const { run, crashes } = await playOn({
      script: endless({ verifier: () => verdict("stop") }),
      crashAt: (append) => (append > 1 && append < 20 && append % 2 === 1 ? "before" : null),
    });
    expect(crashes).toBe(9);
    expect(run.status).toBe("completed");
  });

  it("keeps the counts of its steps apart", () => {
    const base: RunState = {
      ...emptyState(),
      recoveries: { sinceProgress: 9, byStep: { "-/analysis": 9, "1/plan": 10 } },
    };
    expect(recover(base, live)).toMatchObject({ type: "step.retried", step: "analysis", attempt: 10 });
  });

  it("is given up after a hundred recoveries without progress, whatever their steps", () => {
    const byStep = { "-/analysis": 1 };
    const base: RunState = { ...emptyState(), recoveries: { sinceProgress: 99, byStep } };
    expect(recover(base, live)).toMatchObject({ type: "step.retried", step: "analysis", attempt: 2 });
    const full: RunState = { ...base, recoveries: { sinceProgress: 100, byStep } };
    expect(recover(full, live)).toMatchObject({ type: "run.failed", problem: { code: "recovery_exhausted" } });
  });

  it("counts them anew after any other event, and those of a step never", () => {
    const at = "2026-01-01T00:00:01.000Z";
    const retried = (seq: number, reason: string): RunEvent => ({
      type: "step.retried",
      seq,
      run_id: runId,
      turn: null,
      at,
      step: "analysis",
      role: "analyzer",
      attempt: 1,
      reason,
    });
    const twice = [retried(3, "recovered"), retried(4, "recovered")].reduce(fold, emptyState());
    expect(twice.recoveries).toEqual({ sinceProgress: 2, byStep: { "-/analysis": 2 } });
    const between = fold(twice, retried(5, "rate_limited"));
    expect(between.recoveries).toEqual({ sinceProgress: 0, byStep: { "-/analysis": 2 } });
    expect(fold(between, retried(6, "recovered")).recoveries).toEqual({
      sinceProgress: 1,
      byStep: { "-/analysis": 3 },
    });
  });
});

function emptyState(): RunState {
  const at = "2026-01-01T00:00:00.000Z";
  const created = fold(null, {
    type: "run.created",
    seq: 1,
    run_id: runId,
    turn: null,
    at,
    session_id: "ses_1",
    query: "?",
    outputs: ["direct"],
    ...limits({}),
    tools: ["python_coder"],
    policy: { version: "p", step: 0 },
    sampling: { temperature: 0 },
    planner_structure: "guided",
    metadata: {},
  });
  return fold(created, { type: "run.started", seq: 2, run_id: runId, turn: null, at, queued_ms: 0 });
}
