import { expect, test } from "vitest";
import { cancellation } from "../../../durable-objects/cancellation.ts";
import { isTerminal } from "../../../src/agent/events.ts";
import { fold, foldRun } from "../../../src/agent/fold.ts";
import { toEvent } from "../../../src/agent/bookkeeping.ts";
import type { RunState } from "../../../src/agent/run-state.ts";
import { oneTurn, play } from "../agent/support.ts";

/** The states that a run of one turn goes through, its last one left out. */
async function statesOfRun(): Promise<RunState[]> {
  const { events } = await play({ script: oneTurn() });
  return events.slice(0, -1).flatMap((_, index) => foldRun(events.slice(0, index + 1)) ?? []);
}

test("at every point of a run it ends the log with one terminal event and leaves no call open", async () => {
  const states = await statesOfRun();
  expect(states.length).toBeGreaterThan(10);
  let closed = 0;
  for (const state of states) {
    const events = cancellation(state);
    const after = events.reduce(
      (before, event, index) =>
        fold(before, toEvent(event, { seq: state.lastSeq + 1 + index, run_id: state.runId, at: state.createdAt })),
      state,
    );
    expect(events.filter((event) => isTerminal(event.type)).map((event) => event.type)).toEqual(["run.cancelled"]);
    expect(after).toMatchObject({ status: "cancelled", endedAt: state.createdAt });
    expect(after.turns.flatMap((turn) => turn.calls).filter((call) => call.status === "running")).toEqual([]);
    const call = events.find((event) => event.type === "tool.failed");
    expect(call?.arguments).toEqual(call === undefined ? undefined : state.turns[0]?.calls[0]?.arguments);
    closed += events.length - 1;
  }
  // Exactly one of the states has a call under way.
  expect(closed).toBe(1);
});
