// What an engine's faults and a cancel come to: retries stand in the log before their wait, what cannot be retried
// fails the run with the engine's own code, and a cancelled run's log stays as it was.

import { describe, expect, it } from "vitest";
import type { EngineErrorCode, Role } from "../../../src/engines/engine.ts";
import { ok } from "../../../src/lib/result.ts";
import type { MemoryLog } from "../../support/memory-log.ts";
import type { Script, Scripted } from "../../support/scripted-engine.ts";
import { createVirtualClock, epochMs } from "../../support/virtual-clock.ts";
import {
  answer,
  analysis,
  coder,
  command,
  endless,
  eventsOf,
  limits,
  oneTurn,
  plan,
  play,
  playOn,
  verdict,
} from "./support.ts";

const replies = {
  analyzer: analysis,
  planner: plan(),
  executor: command(),
  verifier: verdict("stop"),
  generator: answer,
};
const steps = [
  ["analyzer", "analysis", null],
  ["planner", "plan", 1],
  ["executor", "command", 1],
  ["verifier", "verification", 1],
  ["generator", "answer", null],
] as const;

function withReplies(role: keyof typeof replies, ...first: readonly Scripted[]): Script {
  return oneTurn({ [role]: [...first, replies[role]] });
}

describe("a fault that may pass", () => {
  it.each(steps)("of the %s is retried, with the retry in the log before the wait", async (role, step, turn) => {
    const clock = createVirtualClock();
    const committedAt: number[] = [];
    const { run, events } = await play({
      script: withReplies(role, { error: "rate_limited", retryAfterMs: 2_000, detail: "429" }),
      clock,
      onCommit: (committed) => {
        if (committed.some((event) => event.type === "step.retried")) {
          committedAt.push(clock.now() - epochMs);
        }
      },
    });
    const retried = { step, role, turn, attempt: 1, reason: "rate_limited", message: "429", wait_ms: 2_250 };
    expect(eventsOf(events, "step.retried")).toMatchObject([retried]);
    expect(committedAt).toEqual([0]);
    expect(clock.now() - epochMs).toBe(2_250);
    expect(run.status).toBe("completed");
  });

  it("counts its tries, and the one that succeeded knows how many there were", async () => {
    const { events, log } = await play({
      script: withReplies(
        "planner",
        { error: "server_error" },
        { error: "connection_failed" },
        { error: "empty_reply" },
      ),
    });
    expect(eventsOf(events, "step.retried").map(({ attempt, reason }) => [attempt, reason])).toEqual([
      [1, "server_error"],
      [2, "connection_failed"],
      [3, "empty_reply"],
    ]);
    const entry = log.entries().find(({ event }) => event.type === "plan.completed");
    expect(entry?.detail?.calls?.[0]?.attempts).toBe(4);
  });

  it("that does not pass fails the run with its code after four tries", async () => {
    const { run, events } = await playOn({ script: oneTurn({ planner: () => ({ error: "server_error" }) }) });
    expect(eventsOf(events, "step.retried")).toHaveLength(3);
    expect(run).toMatchObject({ status: "failed", error: { code: "server_error", detail: "scripted server_error" } });
  });

  it("does not count as a recovery", async () => {
    const { log } = await play({ script: withReplies("planner", { error: "server_error" }) });
    expect(log.readState().recoveries).toEqual({ sinceProgress: 0, byStep: {} });
  });

  it("shorter than the run's time does not interrupt its own wait", async () => {
    const { run } = await play({
      script: withReplies("generator", { error: "rate_limited", retryAfterMs: 59_000 }),
      spec: { limits: { max_turns: 1, max_seconds: 1, max_tokens: 1000 } },
    });
    expect(run.status).toBe("completed");
  });
});

describe("the back-off of a run", () => {
  const busy = (retryAfterMs: number): Scripted => ({ error: "rate_limited", retryAfterMs, detail: "429" });

  it("is bounded over all its calls: half its time, or a minute", async () => {
    const { run, events } = await play({
      script: oneTurn({
        analyzer: [busy(50_000), busy(50_000), analysis],
        planner: [busy(30_000), busy(30_000)],
        executor: [],
        verifier: [],
        generator: [],
      }),
      spec: limits({ max_seconds: 300 }),
    });
    expect(eventsOf(events, "step.retried").map(({ wait_ms }) => wait_ms)).toEqual([50_250, 50_250, 30_250]);
    const detail = "429; no time is left to wait for another try";
    expect(run).toMatchObject({ status: "failed", error: { code: "rate_limited", detail } });
  });

  it("is a minute at least, however short the run may be", async () => {
    const { run, clock } = await play({
      script: oneTurn({ planner: [busy(30_000), busy(29_000), plan()] }),
      spec: limits({ max_seconds: 2 }),
    });
    expect([run.status, clock.now() - epochMs]).toEqual(["completed", 59_500]);
  });

  it("is remembered by the log, so that a crash gives no new one", async () => {
    const crashAt = createCrashes([3, 5]);
    const { run, events, crashes } = await playOn({
      script: endless({ planner: () => busy(40_000) }),
      spec: limits({ max_seconds: 200 }),
      crashAt,
    });
    const waits = eventsOf(events, "step.retried").flatMap(({ wait_ms }) => wait_ms ?? []);
    expect([crashes, waits, run.status]).toEqual([2, [40_250, 40_250], "failed"]);
  });
});

/** Dies after the appends of these numbers. */
function createCrashes(appends: readonly number[]) {
  return (append: number) => (appends.includes(append) ? ("after" as const) : null);
}

describe("a fault that will not pass", () => {
  const codes: readonly EngineErrorCode[] = [
    "engine_auth",
    "model_not_found",
    "engine_refused",
    "bad_reply",
    "reply_too_large",
    "engine_not_configured",
  ];

  it.each(codes)("of code %s fails the run at once, with that code", async (error) => {
    const { run, types } = await playOn({ script: oneTurn({ executor: [{ error }] }) });
    expect(run).toMatchObject({ status: "failed", error: { code: error }, answer: null });
    expect(types.slice(-2)).toEqual(["plan.completed", "run.failed"]);
  });

  it.each(steps)("of the %s keeps the usage of what came before", async (role) => {
    const { run, events } = await playOn({ script: oneTurn({ [role]: [{ error: "engine_auth" }] }) });
    expect(run.status).toBe("failed");
    expect(eventsOf(events, "run.failed")[0]?.usage).toEqual(run.usage);
    expect(run.usage.total.prompt_tokens).toBe(10 * steps.findIndex(([other]) => other === role));
  });

  it("of the second generator fails the run although the first had answered", async () => {
    const { run } = await play({
      script: oneTurn({ generator: [answer, { error: "engine_auth" }] }),
      spec: { outputs: ["direct", "final"] },
    });
    expect(run).toMatchObject({ status: "failed", outputs: { direct: "42" } });
  });
});

describe("a bug", () => {
  it("of the engine leaves the loop and writes no end", async () => {
    const broken = { chat: () => Promise.reject(new Error("bug")), modelOf: () => "none" };
    await expect(playOn({ script: {}, parts: { engine: broken } })).rejects.toThrow("bug");
  });

  it("of a tool leaves the loop and writes no end", async () => {
    const tool = coder({ run: () => Promise.reject(new Error("bug of a tool")) });
    await expect(playOn({ script: oneTurn(), tools: [tool] })).rejects.toThrow("bug of a tool");
  });
});

describe("cancel", () => {
  const roles: readonly (readonly [Role | "tool", Script])[] = [
    ["analyzer", { analyzer: [{ hang: true }] }],
    ["planner", { planner: [{ hang: true }] }],
    ["executor", { executor: [{ hang: true }] }],
    ["verifier", { verifier: [{ hang: true }] }],
    ["generator", { verifier: [verdict("stop")], generator: [{ hang: true }] }],
    ["tool", {}],
  ];

  it.each(roles)("in flight at the %s appends nothing after it and ends the loop", async (role, change) => {
    const clock = createVirtualClock({ whenIdle: "stay" });
    const abort = new AbortController();
    const logs: MemoryLog[] = [];
    const tool = coder({
      run: () => (role === "tool" ? new Promise(() => {}) : Promise.resolve(ok({ result: 1, producedBy: "t" }))),
    });
    const played = playOn({
      script: endless(change),
      clock,
      abort,
      tools: [tool],
      onCommit: (_events, { log }) => logs.push(log),
    });
    await clock.advance(1_000);
    logs[0]?.append([{ type: "run.cancelled", turn: null, usage: logs[0].readState().usage }], 0);
    abort.abort();
    const { events, run, log } = await played;
    expect(run.status).toBe("cancelled");
    expect(events.at(-1)?.type).toBe("run.cancelled");
    expect(log.append([{ type: "run.started", turn: null, queued_ms: 0 }], 0)).toBeNull();
    expect(clock.sleeping).toBe(0);
  });

  it("during a back-off ends the wait", async () => {
    const clock = createVirtualClock({ whenIdle: "stay" });
    const abort = new AbortController();
    const played = playOn({
      script: endless({ planner: () => ({ error: "rate_limited", retryAfterMs: 50_000 }) }),
      clock,
      abort,
    });
    await clock.advance(1_000);
    abort.abort();
    const { types } = await played;
    expect(types.at(-1)).toBe("step.retried");
    expect(clock.sleeping).toBe(0);
  });

  it("while the loop commits leaves the reply that came too late unwritten", async () => {
    const { events, run } = await playOn({
      script: endless(),
      onCommit: (committed, { log, abort }) => {
        if (committed.some((event) => event.type === "command.completed") && !abort.signal.aborted) {
          abort.abort();
          log.append([{ type: "run.cancelled", turn: null, usage: log.readState().usage }], 0);
        }
      },
    });
    expect(run.status).toBe("cancelled");
    expect(events.at(-1)?.type).toBe("run.cancelled");
  });

  it("before a loop takes an open call up again keeps it from acting at all", async () => {
    const abort = new AbortController();
    let calls = 0;
    const tool = coder({
      async run() {
        calls += 1;
        return ok({ result: "42", producedBy: "test" });
      },
    });
    const { types, crashes } = await playOn({
      script: endless(),
      tools: [tool],
      abort,
      crashAt: () => {
        if (calls === 0 || abort.signal.aborted) {
          return null;
        }
        abort.abort();
        return "before";
      },
    });
    expect([crashes, calls]).toEqual([1, 1]);
    expect(types.slice(-2)).toEqual(["tool.started", "step.retried"]);
  });

  it("does not leave a stray tool running after it: the tool's signal aborts", async () => {
    const clock = createVirtualClock({ whenIdle: "stay" });
    const abort = new AbortController();
    let signal: AbortSignal | null = null;
    const tool = coder({
      run: (_args, context) => {
        signal = context.signal;
        return new Promise(() => {});
      },
    });
    const played = playOn({ script: oneTurn(), clock, abort, tools: [tool] });
    await clock.advance(1_000);
    abort.abort();
    await played;
    expect(signal).toMatchObject({ aborted: true });
  });
});
