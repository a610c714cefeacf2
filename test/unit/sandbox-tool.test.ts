import { describe, expect, test } from "vitest";
import { err, ok, type Result } from "../../src/lib/result.ts";
import {
  maxQueueMs,
  type PythonRequest,
  type PythonSandbox,
  type SandboxFault,
} from "../../src/tools/python-coder/python-sandbox.ts";
import { patienceMsOf } from "../../src/tools/python-coder/job-bounds.ts";
import { replayLimitsOf } from "../../src/tools/python-coder/replay-limits.ts";
import type { SandboxAnswer } from "../../src/tools/python-coder/sandbox-answer.ts";
import { createPythonCoder, defaultPythonLimits } from "../../src/tools/python-coder/tool.ts";
import type { ToolContext } from "../../src/tools/tool.ts";

const completed: SandboxAnswer = {
  end: "completed",
  detail: "",
  stdout: "hello\n",
  value: "42",
  traceback: null,
  cut: false,
  interpreter: "cpython-3.14.2/pyodide-314.0.7",
  fuel: 1,
  heapBytes: 31_457_280,
  bootMs: 0,
  runMs: 3,
  computedMs: 3,
  waitedMs: 0,
  replayed: 0,
};

/** Answers once, and remembers what it was asked. */
function scripted(answer: Result<SandboxAnswer, SandboxFault>): PythonSandbox & { readonly asked: PythonRequest[] } {
  const asked: PythonRequest[] = [];
  return {
    asked,
    run: async (request) => {
      expect(asked).toHaveLength(0);
      asked.push(request);
      return answer;
    },
  };
}

function contextWith(earlierArguments: readonly unknown[] = []): ToolContext {
  return {
    tenant: "acme",
    runId: "run_1",
    turn: 2,
    callIndex: 0,
    idempotencyKey: "run_1/2/0",
    signal: new AbortController().signal,
    timeLeftMs: 300_000,
    earlierArguments,
    holdClock: () => undefined,
    chat: () => expect.unreachable("no model stands behind this tool"),
    countTokens: () => expect.unreachable("no model stands behind this tool"),
  };
}

async function outcomeOf(answer: Partial<SandboxAnswer>) {
  return createPythonCoder(scripted(ok({ ...completed, ...answer }))).run({ code: "x" }, contextWith());
}

describe("python_coder", () => {
  test("has time for a boot, earlier programs and its own, each at its slowest, after the longest wait", () => {
    const { timeoutMs } = createPythonCoder(scripted(ok(completed)));
    const replayLimits = replayLimitsOf(defaultPythonLimits, 1_000);
    const patienceMs = patienceMsOf({ limits: defaultPythonLimits, replayLimits, earlierCode: ["x = 1"] });
    expect(timeoutMs - maxQueueMs).toBeGreaterThan(patienceMs);
  });

  test("has its run's clock stand still while it waits for an interpreter", async () => {
    const held: Promise<void>[] = [];
    const served = Promise.resolve();
    const sandbox: PythonSandbox = {
      run: async (request) => {
        request.onQueued(served);
        return ok(completed);
      },
    };
    const context = { ...contextWith(), holdClock: (until: Promise<void>) => void held.push(until) };
    await createPythonCoder(sandbox).run({ code: "x" }, context);
    expect(held).toEqual([served]);
  });

  test("says that the machine was too slow, or, with less time left than that takes, that the run's time was over", async () => {
    const slow = ok({ ...completed, end: "overloaded" as const });
    const inTime = await createPythonCoder(scripted(slow)).run({ code: "x" }, contextWith());
    expect(inTime).toMatchObject({ ok: false, error: { code: "sandbox_overloaded", result: { stdout: "hello\n" } } });
    const late = { ...contextWith(), timeLeftMs: 20_000 };
    const interrupted = await createPythonCoder(scripted(slow)).run({ code: "x" }, late);
    expect(interrupted).toMatchObject({ ok: false, error: { code: "interrupted" } });
  });

  test.each([
    [{ fuel: 5_001 }, "because it computed for too long"],
    [{ fuel: 2 }, "because it waited for more than 5 s"],
  ])("says what a program spent its time on: %j", async (spent, words) => {
    const detail = `the program was stopped ${words}`;
    expect(await outcomeOf({ end: "time_limit", ...spent })).toMatchObject({ ok: false, error: { detail } });
  });

  test("returns what the program left", async () => {
    expect(await outcomeOf({})).toEqual(
      ok({
        result: { stdout: "hello\n", value: "42", traceback: null, cut: false, stopped: null },
        producedBy: "cpython-3.14.2/pyodide-314.0.7",
      }),
    );
  });

  test("passes the run, its limits and its earlier programs on", async () => {
    const sandbox = scripted(ok(completed));
    await createPythonCoder(sandbox).run({ code: "y" }, contextWith([{ code: "x = 1" }, { other: "tool" }]));
    expect(sandbox.asked).toEqual([
      {
        tenant: "acme",
        runId: "run_1",
        code: "y",
        earlierCode: ["x = 1"],
        limits: defaultPythonLimits,
        isolation: "interpreter",
        onQueued: expect.any(Function),
      },
    ]);
  });

  test("runs our own programs in a namespace of their own, and no earlier one again", async () => {
    const sandbox = scripted(ok(completed));
    await createPythonCoder(sandbox, { isolation: "namespace" }).run({ code: "y" }, contextWith([{ code: "x = 1" }]));
    expect(sandbox.asked).toMatchObject([{ code: "y", earlierCode: [], isolation: "namespace" }]);
  });

  test("reports a program that raises by its last line, with everything it left", async () => {
    const traceback = "Traceback (most recent call last):\n  ...\nZeroDivisionError: division by zero\n";
    expect(await outcomeOf({ end: "raised", value: null, traceback })).toMatchObject({
      ok: false,
      error: {
        code: "program_error",
        detail: "ZeroDivisionError: division by zero",
        result: { traceback, stopped: null },
      },
    });
  });

  test.each(["time_limit", "memory_limit", "output_limit"] as const)(
    "reports %s with what was printed",
    async (end) => {
      expect(await outcomeOf({ end })).toMatchObject({
        ok: false,
        error: { code: end, result: { stdout: "hello\n", stopped: end } },
      });
    },
  );

  test("blames nobody's program when earlier ones, that must run again, wait for too long together", async () => {
    const detail = "while the run's earlier programs ran again: they waited for more than 60 s";
    const lost = ok({ ...completed, end: "replay_limit" as const, detail, stdout: "", value: null });
    // Nor is it the run's time that was over, however little is left of it.
    const late = { ...contextWith(), timeLeftMs: 20_000 };
    expect(await createPythonCoder(scripted(lost)).run({ code: "x" }, late)).toMatchObject({
      ok: false,
      error: {
        code: "sandbox_overloaded",
        detail: `the program did not begin: ${detail}`,
        result: { stopped: null },
      },
    });
  });

  test("reports an interpreter that the program ended", async () => {
    expect(await outcomeOf({ end: "crashed", detail: "exit(1)" })).toMatchObject({
      ok: false,
      error: { code: "sandbox_crashed", detail: "the program ended the interpreter: exit(1)" },
    });
  });

  test.each(["sandbox_crashed", "sandbox_unavailable", "sandbox_busy", "sandbox_overloaded", "aborted"] as const)(
    "passes the fault %s on",
    async (code) => {
      const reply = await createPythonCoder(scripted(err({ code, detail: "why" }))).run({ code: "x" }, contextWith());
      expect(reply).toEqual(err({ code, detail: "why", producedBy: "python-sandbox" }));
    },
  );

  test.each(["\u0001", "é", "a\n"])(
    "keeps its JSON under 64 KB whatever %j needs in it, and says so",
    async (piece) => {
      const reply = await outcomeOf({ stdout: piece.repeat(60_000), value: "v".repeat(16_384) });
      expect(new TextEncoder().encode(JSON.stringify(reply.ok && reply.value.result)).length).toBeLessThan(64 * 1024);
      expect(reply).toMatchObject({ ok: true, value: { result: { cut: true, value: "v".repeat(16_384) } } });
    },
  );

  test.each([{}, { code: "" }, { code: 1 }, { code: "x", more: 1 }])("refuses the arguments %j", (args) => {
    expect(createPythonCoder(scripted(ok(completed))).parameters.safeParse(args).success).toBe(false);
  });
});
