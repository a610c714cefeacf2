// The fold over logs of every kind that the loop writes: total over prefixes, without memory of its own, without
// a hand on its input; and `next`, which must foresee each event of the log from what stands before it.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type RunEvent, RunEventSchema } from "../../../src/agent/events.ts";
import { fold, foldRun } from "../../../src/agent/fold.ts";
import { next, type Step } from "../../../src/agent/next.ts";
import { RunObject } from "../../../src/agent/run-object.ts";
import type { RunState } from "../../../src/agent/run-state.ts";
import { toRunObject } from "../../../src/agent/to-run-object.ts";
import { err, ok } from "../../../src/lib/result.ts";
import type { Scripted } from "../../support/scripted-engine.ts";
import { deepFreeze } from "../../support/scripted-engine.ts";
import { analysis, answer, coder, command, limits, oneTurn, plan, play, playOn, spec, verdict } from "./support.ts";

const turn = fc.record({
  plan: fc.constantFrom("good", "good", "malformed", "unknown"),
  calls: fc.integer({ min: 0, max: 3 }),
  tool: fc.constantFrom("ok", "error", "timeout"),
  busy: fc.boolean(),
  readable: fc.boolean(),
});

const story = fc.record({
  turns: fc.array(turn, { minLength: 1, maxLength: 4 }),
  end: fc.constantFrom("stop", "max_turns", "engine_refused", "base"),
  outputs: fc.constantFrom(["direct"] as const, ["final", "direct"] as const),
  crashes: fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 3 }),
});
type Story = typeof story extends fc.Arbitrary<infer T> ? T : never;

/** A log that the loop has really written for a story. */
async function logOf({ turns, end, outputs, crashes }: Story): Promise<readonly RunEvent[]> {
  const at = (index: number | null) => turns[(index ?? 1) - 1] ?? turns[0];
  const busyTurns = new Set<number>();
  const { events } = await playOn({
    spec: {
      ...limits({ max_turns: turns.length + (end === "stop" ? 1 : 0) }),
      outputs: end === "base" ? ["base"] : [...outputs],
    },
    crashAt: (append) => (crashes.includes(append) ? "after" : null),
    tools: [
      coder({
        timeoutMs: 50,
        run: async (_args, context) => {
          const wanted = at(context.turn)?.tool;
          return wanted === "ok"
            ? ok({ result: { n: 42 }, producedBy: "test" })
            : err({ code: wanted === "timeout" ? "time_limit" : "program_error", detail: "no", producedBy: "test" });
        },
      }),
    ],
    script: {
      analyzer: () => analysis,
      planner: (request): Scripted => {
        const wanted = at(request.turn);
        if (wanted?.busy === true && !busyTurns.has(request.turn ?? 0)) {
          busyTurns.add(request.turn ?? 0);
          return { error: "rate_limited", retryAfterMs: 10 };
        }
        return wanted?.plan === "malformed"
          ? { text: "?" }
          : plan(wanted?.plan === "unknown" ? { tool_name: "x" } : {});
      },
      executor: (request) => {
        const calls = at(request.turn)?.calls ?? 1;
        return calls === 0 ? { text: "no call" } : command(...Array.from({ length: calls }, (_, call) => `${call}`));
      },
      verifier: (request) =>
        at(request.turn)?.readable === true
          ? verdict(end === "stop" && request.turn === turns.length ? "stop" : "continue")
          : { text: "who knows" },
      generator: () => (end === "engine_refused" ? { error: "engine_refused" } : answer),
    },
  });
  return events;
}

function prefixes(events: readonly RunEvent[]): RunState[] {
  const states: RunState[] = [];
  let state: RunState | null = null;
  for (const event of events) {
    state = deepFreeze(fold(state, deepFreeze(event)));
    states.push(state);
  }
  return states;
}

const live = { activeMs: 0, limit: null };

describe("fold", () => {
  it("in one go is fold one event at a time, even if the state went through JSON between them", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const events = await logOf(told);
        let state: RunState | null = null;
        for (const event of events) {
          state = structuredClone(fold(state, structuredClone(event)));
        }
        expect(state).toEqual(foldRun(events));
      }),
      { numRuns: 25 },
    );
  });

  it("is total over any prefix, changes no input, and each prefix is a presentable run", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const events = await logOf(told);
        prefixes(events).forEach((state, index) => {
          const run: unknown = JSON.parse(JSON.stringify(toRunObject(state)));
          expect(RunObject.safeParse(run).error).toBeUndefined();
          expect(state.lastSeq).toBe(index + 1);
          expect(state.memory).toHaveLength(state.turns.filter(({ completed }) => completed !== null).length);
        });
      }),
      { numRuns: 25 },
    );
  });

  it("takes events that satisfy their schema, exactly as stored", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        for (const event of await logOf(told)) {
          const stored: unknown = JSON.parse(JSON.stringify(event));
          expect(RunEventSchema.parse(stored)).toEqual(stored);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("of nothing is null, and of a log without its creation a bug", async () => {
    expect(foldRun([])).toBeNull();
    const { events } = await play({ script: oneTurn() });
    expect(() => foldRun(events.slice(1))).toThrow("begins with run.started");
  });

  it("adds up what each role used to the total of the turns and the rest", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const state = foldRun(await logOf(told));
        const roles = Object.values(state?.usage.by_role ?? {});
        for (const key of ["prompt_tokens", "completion_tokens"] as const) {
          expect(roles.reduce((sum, usage) => sum + usage[key], 0)).toBe(state?.usage.total[key]);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("keeps a reward that was recorded before the end", async () => {
    const { events } = await play({ script: oneTurn() });
    const reward = { value: 1, kind: "exact", components: { exact: 1 } };
    const last = events.at(-1);
    const recorded: RunEvent = {
      type: "reward.recorded",
      seq: last?.seq ?? 0,
      run_id: last?.run_id ?? "",
      turn: null,
      at: last?.at ?? "",
      ...reward,
    };
    const state = foldRun([...events.slice(0, -1), recorded]);
    expect(state?.reward).toEqual(reward);
    expect(state === null ? null : toRunObject(state).reward).toEqual({ ...reward, source: "log" });
  });
});

const foreseen: Readonly<Record<Exclude<Step["step"], "tool" | "done" | "answer" | "finish">, RunEvent["type"]>> = {
  start: "run.started",
  analysis: "analysis.completed",
  turn: "turn.started",
  plan: "plan.completed",
  command: "command.completed",
  verification: "verification.completed",
  turn_end: "turn.completed",
};

function eventsOfStep(step: Step): readonly string[] {
  switch (step.step) {
    case "tool":
      return step.started ? ["tool.completed", "tool.failed"] : ["tool.started"];
    case "answer":
      return ["answer.completed", "run.failed"];
    case "finish":
      return [step.reason === null ? "run.completed" : "run.incomplete"];
    case "done":
      return ["nothing"];
    default:
      return [foreseen[step.step]];
  }
}

describe("next", () => {
  it("foresees every event of a log from the ones before it, and always the same", async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const events = await logOf(told);
        prefixes(events).forEach((state, index) => {
          const step = next(state, live);
          expect(next(structuredClone(state), { ...live })).toEqual(step);
          const following = events[index + 1]?.type ?? "nothing";
          const foreseeable = [...eventsOfStep(step), "step.retried"];
          expect(foreseeable).toContain(following);
          expect(step.step === "done").toBe(following === "nothing");
        });
      }),
      { numRuns: 25 },
    );
  });

  it("does not go past a limit that was met, whatever the state", async () => {
    const { events } = await play({ script: oneTurn() });
    for (const state of prefixes(events)) {
      const step = next(state, { activeMs: spec().limits.max_seconds * 1000, limit: null });
      expect(["analysis", "turn", "plan", "command", "verification"]).not.toContain(step.step);
    }
  });
});
