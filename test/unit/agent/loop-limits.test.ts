// Every limit ends a run as `incomplete`, with one reason and with an answer. Time is the run's own: it interrupts
// a call in flight, and a server's back-off does not count.

import { describe, expect, it } from "vitest";
import { err, ok } from "../../../src/lib/result.ts";
import type { Script, Scripted } from "../../support/scripted-engine.ts";
import { createVirtualClock, epochMs, type VirtualClock } from "../../support/virtual-clock.ts";
import {
  coder,
  command,
  endless,
  eventsOf,
  limits,
  oneTurn,
  plan,
  play,
  playOn,
  promptText,
  verdict,
} from "./support.ts";

const hang: Scripted = { hang: true };

function expectIncomplete(run: { status: string; reason?: unknown; answer: unknown }, reason: string): void {
  expect(run).toMatchObject({ status: "incomplete", reason, answer: "42" });
}

describe("max_turns", () => {
  it.each([1, 2, 20])("of %i lets as many turns run and then writes the answer", async (maxTurns) => {
    const { run, events, engine } = await play({ script: endless(), spec: limits({ max_turns: maxTurns }) });
    expectIncomplete(run, "max_turns");
    expect(run.turns).toHaveLength(maxTurns);
    expect(eventsOf(events, "turn.started").map((event) => event.turns_left)).toEqual(
      Array.from({ length: maxTurns }, (_, index) => maxTurns - 1 - index),
    );
    expect(promptText(engine.requestsOf("generator")[0])).toContain("The team had to stop: max_turns.");
  });

  it("does not make a run incomplete whose last turn ends with `stop`", async () => {
    const { run } = await play({ script: oneTurn(), spec: limits({ max_turns: 1 }) });
    expect(run.status).toBe("completed");
  });
});

describe("max_seconds", () => {
  const inFlight: readonly (readonly [string, Script, number])[] = [
    ["analyzer", { analyzer: [hang] }, 0],
    ["planner", { planner: [hang] }, 1],
    ["executor", { executor: [hang] }, 1],
    ["verifier", { verifier: [hang] }, 1],
  ];

  it.each(inFlight)("interrupts the %s in flight, and the run still has an answer", async (_role, change, turns) => {
    const { run, events, clock } = await playOn({ script: endless(change), spec: limits({ max_seconds: 60 }) });
    expectIncomplete(run, "max_seconds");
    expect(run.turns).toHaveLength(turns);
    expect(eventsOf(events, "turn.completed").map((event) => event.interrupted)).toEqual(
      turns === 0 ? [] : ["max_seconds"],
    );
    expect(clock.now() - epochMs).toBe(60_000);
    expect(clock.sleeping).toBe(0);
  });

  it("interrupts a tool, even one that ignores its signal", async () => {
    const tool = coder({ timeoutMs: 1e9, run: () => new Promise(() => {}) });
    const { run } = await playOn({ script: endless(), tools: [tool], spec: limits({ max_seconds: 60 }) });
    expectIncomplete(run, "max_seconds");
    expect(run.turns[0]).toMatchObject({
      tool_status: "timeout",
      calls: [{ status: "timeout", error: { code: "interrupted" }, ms: 60_000 }],
      verification: null,
    });
  });

  it("does not count a tool's wait behind other runs, but its work", async () => {
    const clock = createVirtualClock();
    const tool = coder({
      timeoutMs: 1e9,
      async run(_args, { holdClock, signal }) {
        const waits = clock.sleep(59_000, signal);
        holdClock(waits);
        await waits;
        await clock.sleep(9_000, signal);
        return ok({ result: "42", producedBy: "test" });
      },
    });
    const { run } = await play({ script: oneTurn(), clock, tools: [tool], spec: limits({ max_seconds: 10 }) });
    expect(run).toMatchObject({ status: "completed", turns: [{ calls: [{ status: "ok", ms: 68_000 }] }] });
  });

  it("counts such waits beyond a minute, or half of itself, so that no wait goes on for ever", async () => {
    const clock = createVirtualClock();
    const tool = coder({
      timeoutMs: 1e9,
      async run(_args, { holdClock, signal }) {
        const waits = clock.sleep(40_000, signal);
        holdClock(waits);
        await waits;
        holdClock(Promise.reject(new Error("a wait that failed is over")));
        holdClock(new Promise(() => undefined));
        return new Promise(() => undefined);
      },
    });
    const { run } = await playOn({ script: endless(), clock, tools: [tool], spec: limits({ max_seconds: 10 }) });
    expectIncomplete(run, "max_seconds");
    expect(clock.now() - epochMs).toBe(60_000 + 10_000);
  });

  it("does not call a tool whose turn comes after it", async () => {
    let calls = 0;
    const tool = coder({
      async run() {
        calls += 1;
        return ok({ result: "1", producedBy: "test" });
      },
    });
    const { run } = await playOn({
      script: endless({ executor: () => ({ ...command("a", "b"), takesMs: 61_000 }) }),
      tools: [tool],
      spec: limits({ max_seconds: 60 }),
    });
    expectIncomplete(run, "max_seconds");
    expect(calls).toBe(0);
  });

  it("gives the generator a quarter of it more, at most 30 s", async () => {
    for (const [maxSeconds, graceMs] of [
      [60, 15_000],
      [600, 30_000],
    ] as const) {
      const late = { planner: [hang], generator: [{ text: "42", takesMs: graceMs - 1 }] };
      const inTime = await playOn({ script: endless(late), spec: limits({ max_seconds: maxSeconds }) });
      expectIncomplete(inTime.run, "max_seconds");
      const tooLate = await playOn({
        script: endless({ planner: [hang], generator: [{ text: "42", takesMs: graceMs + 1 }] }),
        spec: limits({ max_seconds: maxSeconds }),
      });
      expect(tooLate.run).toMatchObject({ status: "failed", error: { code: "engine_timeout" }, answer: null });
      expect(tooLate.clock.now() - epochMs).toBe(maxSeconds * 1000 + graceMs);
    }
  });

  it("counts the time of an earlier loop, and none while no loop was alive", async () => {
    const clock = createVirtualClock();
    const script = endless({ verifier: () => ({ ...verdict("continue"), takesMs: 10_000 }) });
    const { run, log, crashes } = await playOn({
      script,
      clock,
      spec: limits({ max_seconds: 35, max_turns: 20 }),
      crashAt: (append) => {
        if (append % 4 !== 0) {
          return null;
        }
        clock.skip(3_600_000);
        return "after";
      },
    });
    expectIncomplete(run, "max_seconds");
    expect(crashes).toBeGreaterThan(2);
    expect(log.activeMs()).toBe(35_000);
    expect(eventsOf(log.events(), "turn.completed")).toHaveLength(4);
  });

  it("does not count an engine's back-off", async () => {
    const busy: Scripted = { error: "rate_limited", retryAfterMs: 25_000 };
    const { run, clock } = await play({
      script: oneTurn({ planner: [busy, busy, { ...plan(), takesMs: 5_000 }] }),
      spec: limits({ max_seconds: 30 }),
    });
    expect(run.status).toBe("completed");
    expect(clock.now() - epochMs).toBe(2 * 25_250 + 5_000);
  });

  it("counts the rest of a call that also backed off", async () => {
    const busy: Scripted = { error: "rate_limited", retryAfterMs: 50_000, takesMs: 20_000 };
    const { run, log } = await playOn({
      script: endless({ planner: [busy, { hang: true }] }),
      spec: limits({ max_seconds: 30 }),
    });
    expectIncomplete(run, "max_seconds");
    expect(log.activeMs()).toBe(30_000);
  });

  it("with a millisecond left does not wake the loop each millisecond of a back-off", async () => {
    const clock = createVirtualClock();
    let sleeps = 0;
    const counting: VirtualClock = {
      ...clock,
      now: () => clock.now(),
      get sleeping() {
        return clock.sleeping;
      },
      sleep: (ms, signal) => {
        sleeps += 1;
        return clock.sleep(ms, signal);
      },
    };
    const { run, log } = await playOn({
      script: endless({
        analyzer: [{ value: { summary: "s" }, takesMs: 29_999 }],
        planner: [{ error: "rate_limited", retryAfterMs: 50_000 }, hang],
      }),
      clock: counting,
      spec: limits({ max_seconds: 30 }),
    });
    expectIncomplete(run, "max_seconds");
    expect(sleeps).toBeLessThan(1_000);
    expect(log.activeMs()).toBeLessThanOrEqual(30_100);
  });

  it("stands still once while two calls of a tool back off at once", async () => {
    const tool = coder({
      timeoutMs: 1e9,
      async run(_args, context) {
        const asked = await Promise.all(["a", "b"].map((content) => context.chat([{ role: "user", content }])));
        return asked.every((one) => one.ok)
          ? ok({ result: "1", producedBy: "test" })
          : err({ code: "engine_failed", detail: "", producedBy: "test" });
      },
    });
    const { log, run } = await play({
      script: oneTurn({
        tool: [
          { error: "rate_limited", retryAfterMs: 10_000 },
          { error: "rate_limited", retryAfterMs: 10_000, takesMs: 5_000 },
          { text: "a" },
          { text: "b" },
        ],
      }),
      tools: [tool],
    });
    expect(run.status).toBe("completed");
    expect(log.activeMs()).toBe(0);
  });
});

describe("max_tokens", () => {
  const costly = (reply: Scripted, tokens: number): Scripted => ({
    ...reply,
    usage: { prompt_tokens: tokens - 100, completion_tokens: 100 },
  });

  it.each([
    ["analysis", { analyzer: () => costly({ value: { summary: "s" } }, 1000) }, 0],
    ["plan", { planner: () => costly(plan(), 1000) }, 1],
    ["command", { executor: () => costly(command(), 1000) }, 1],
    ["verdict", { verifier: () => costly(verdict("continue"), 1000) }, 1],
  ] satisfies [string, Script, number][])("spent by the %s ends the loop at once", async (_name, change, turns) => {
    const { run, engine } = await playOn({ script: endless(change), spec: limits({ max_tokens: 1000 }) });
    expectIncomplete(run, "max_tokens");
    expect(run.turns).toHaveLength(turns);
    expect(engine.requestsOf("planner").length).toBe(turns);
    expect(engine.requestsOf("generator")).toHaveLength(1);
  });

  it("counts prompt and completion of all roles, a tool's model too", async () => {
    const tool = coder({
      async run(_args, context) {
        const said = await context.chat([{ role: "user", content: "?" }]);
        return ok({ result: said.ok, producedBy: "test" });
      },
    });
    const { run } = await playOn({
      script: endless({ tool: () => costly({ text: "" }, 1000) }),
      tools: [tool],
      spec: limits({ max_tokens: 1000 }),
    });
    expectIncomplete(run, "max_tokens");
    expect(run.turns).toHaveLength(1);
  });

  it("does not make a run incomplete whose verifier says `stop` with the last of them", async () => {
    const { run, events } = await play({
      script: oneTurn({ verifier: [costly(verdict("stop"), 100_000)] }),
      spec: limits({ max_tokens: 1000 }),
    });
    expect(run.status).toBe("completed");
    expect(eventsOf(events, "turn.completed")[0]).not.toHaveProperty("interrupted");
  });
});

describe("an engine's context limit", () => {
  const full: Scripted = { error: "context_limit" };

  it.each([
    ["analyzer", { analyzer: [full] }, 0],
    ["planner", { planner: [full] }, 1],
    ["executor", { executor: [full] }, 1],
    ["verifier", { verifier: [full] }, 1],
  ] satisfies [string, Script, number][])(
    "of the %s ends the loop, and the run has an answer",
    async (_role, change, turns) => {
      const { run } = await playOn({ script: endless(change) });
      expectIncomplete(run, "context_limit");
      expect(run.turns).toHaveLength(turns);
    },
  );

  it("of the generator fails the run", async () => {
    const { run } = await play({ script: oneTurn({ generator: [full] }) });
    expect(run).toMatchObject({ status: "failed", error: { code: "context_limit" } });
  });
});

describe("the reason", () => {
  it("is the first limit met, however many are met later", async () => {
    const { run, events } = await playOn({
      script: endless({
        planner: () => ({ ...plan(), usage: { prompt_tokens: 2000, completion_tokens: 0 } }),
        generator: () => ({ text: "42", takesMs: 61_000 }),
      }),
      spec: limits({ max_turns: 1, max_tokens: 1000, max_seconds: 60 }),
    });
    expectIncomplete(run, "max_tokens");
    expect(eventsOf(events, "run.incomplete")).toHaveLength(1);
    expect(eventsOf(events, "turn.completed")[0]?.interrupted).toBe("max_tokens");
  });

  it("stays the first where the limit was met before any turn", async () => {
    const { run } = await playOn({
      script: endless({
        analyzer: () => ({ value: { summary: "s" }, usage: { prompt_tokens: 2000, completion_tokens: 0 } }),
        generator: () => ({ text: "42", takesMs: 61_000 }),
      }),
      spec: limits({ max_tokens: 1000, max_seconds: 60 }),
    });
    expectIncomplete(run, "max_tokens");
    expect(run.turns).toEqual([]);
  });

  it.each(["engine_refused", "model_not_found", "engine_auth"] as const)(
    "gives way to the engine's code %s where the generator fails after a limit",
    async (error) => {
      const { run } = await play({
        script: { ...endless(), generator: [{ error }] },
        spec: limits({ max_turns: 1 }),
      });
      expect(run).toMatchObject({ status: "failed", error: { code: error }, answer: null });
    },
  );
});

describe("the answer after a step that overran", () => {
  it("has its grace from then on, whatever the overrun", async () => {
    const clock = createVirtualClock();
    const deaf = coder({
      timeoutMs: 600_000,
      run: async () => {
        // As a program that computes: no signal reaches it, and the process stands still meanwhile.
        clock.skip(50_000);
        return ok({ result: "late", producedBy: "p" });
      },
    });
    const { run } = await playOn({
      clock,
      script: oneTurn({ generator: [{ text: "an answer", takesMs: 2000 }] }),
      tools: [deaf],
      spec: limits({ max_seconds: 10 }),
    });
    expect(run).toMatchObject({ status: "incomplete", reason: "max_seconds", answer: "an answer" });
  });
});
