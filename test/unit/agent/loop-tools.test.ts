// The executor's second half: calls run in order, and whatever a tool does, the loop goes on with a result or an
// error in the log.

import { describe, expect, it } from "vitest";
import * as z from "zod";
import { err, ok } from "../../../src/lib/result.ts";
import type { Tool, ToolContext } from "../../../src/tools/tool.ts";
import type { Engine } from "../../../src/engines/engine.ts";
import { createScriptedEngine } from "../../support/scripted-engine.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { readSections } from "../../../src/lib/sections.ts";
import { coder, command, eventsOf, oneTurn, plan, play, promptText, runId, searcher, verdict } from "./support.ts";

const sizeOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).byteLength;

describe("the calls of a turn", () => {
  it("run one after the other, each in the log before it acts", async () => {
    const seen: string[] = [];
    const tool = coder({
      async run(args) {
        seen.push(JSON.stringify(args));
        return ok({ result: `${seen.length}`, producedBy: "test" });
      },
    });
    const { types, run, clock } = await play({
      script: oneTurn({ executor: [command("a", "b", "c")] }),
      tools: [tool],
    });
    expect(clock.sleeping).toBe(0);
    expect(seen).toEqual(['{"code":"a"}', '{"code":"b"}', '{"code":"c"}']);
    expect(types.slice(6, 13)).toEqual([
      "tool.started",
      "tool.completed",
      "tool.started",
      "tool.completed",
      "tool.started",
      "tool.completed",
      "verification.completed",
    ]);
    expect(run.turns[0]?.calls.map((call) => call.result)).toEqual(["1", "2", "3"]);
  });

  it("know their run, turn, place and key, and the arguments of earlier calls that succeeded", async () => {
    const contexts: ToolContext[] = [];
    const tool = coder({
      async run(_args, context) {
        contexts.push(context);
        return contexts.length === 2
          ? err({ code: "program_error", detail: "NameError", producedBy: "test" })
          : ok({ result: "1", producedBy: "test" });
      },
    });
    await play({
      script: oneTurn({
        planner: [plan(), plan()],
        executor: [command("a", "b"), command("c")],
        verifier: [verdict("continue"), verdict("stop")],
      }),
      tools: [tool],
    });
    expect(
      contexts.map(({ tenant, turn, callIndex, idempotencyKey }) => ({ tenant, turn, callIndex, idempotencyKey })),
    ).toEqual([
      { tenant: "acme", turn: 1, callIndex: 0, idempotencyKey: `${runId}/1/0` },
      { tenant: "acme", turn: 1, callIndex: 1, idempotencyKey: `${runId}/1/1` },
      { tenant: "acme", turn: 2, callIndex: 0, idempotencyKey: `${runId}/2/0` },
    ]);
    expect(contexts.map((context) => context.earlierArguments)).toEqual([[], [{ code: "a" }], [{ code: "a" }]]);
  });

  it("go on after one that failed, and the turn's status is the worst of them", async () => {
    const tool = coder({
      run: async (args) =>
        JSON.stringify(args).includes("bad")
          ? err({ code: "program_error", detail: "ZeroDivisionError", producedBy: "cpython", result: "half" })
          : ok({ result: "42", producedBy: "cpython" }),
    });
    const { run, events, engine } = await play({
      script: oneTurn({ executor: [command("good", "bad", "good")] }),
      tools: [tool],
    });
    expect(run.turns[0]).toMatchObject({
      tool_status: "error",
      calls: [
        { status: "ok", result: "42", produced_by: "cpython" },
        { status: "error", result: "half", error: { code: "program_error", detail: "ZeroDivisionError" } },
        { status: "ok" },
      ],
    });
    expect(eventsOf(events, "tool.completed").map((event) => event.arguments)).toEqual([
      { code: "good" },
      { code: "good" },
    ]);
    expect(eventsOf(events, "tool.failed").map((event) => event.arguments)).toEqual([{ code: "bad" }]);
    const step = readSections(promptText(engine.requestsOf("verifier")[0])).get("step") ?? "";
    expect(step).toContain("program_error: ZeroDivisionError");
  });
});

describe("a call whose arguments the tool no longer takes", () => {
  it("fails without reaching the tool, as after an update between two loops", async () => {
    let reached = 0;
    const run: Tool["run"] = async () => {
      reached += 1;
      return ok({ result: "1", producedBy: "test" });
    };
    const schemas = [coder().parameters, z.strictObject({ program: z.string() })];
    // The first look is the executor's, the second is made before the call.
    const tool: Tool = {
      ...coder({ run }),
      parameters: z.unknown().refine((args) => schemas.shift()?.safeParse(args).success ?? false, "refused"),
    };
    const played = await play({ script: oneTurn(), tools: [tool] });
    expect(played.run.turns[0]?.calls[0]).toMatchObject({ status: "error", error: { code: "invalid_arguments" } });
    expect(reached).toBe(0);
  });
});

describe("a tool that is late", () => {
  it("is stopped by its signal after its own timeout, and the run goes on", async () => {
    let sawAbort = false;
    const tool = coder({
      timeoutMs: 5_000,
      run: (_args, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            sawAbort = true;
            resolve(err({ code: "time_limit", detail: "stopped", producedBy: "test" }));
          });
        }),
    });
    const { run } = await play({ script: oneTurn(), tools: [tool] });
    expect(sawAbort).toBe(true);
    expect(run.turns[0]).toMatchObject({ tool_status: "timeout", calls: [{ status: "timeout", ms: 5_000 }] });
    expect(run.status).toBe("completed");
  });

  it("is left behind when it ignores its signal", async () => {
    const tool = coder({ timeoutMs: 5_000, run: () => new Promise(() => {}) });
    const { run, clock } = await play({ script: oneTurn(), tools: [tool] });
    expect(run.turns[0]?.calls[0]).toMatchObject({
      status: "timeout",
      error: { code: "timeout", detail: "no result within 5000 ms" },
    });
    expect(run.status).toBe("completed");
    expect(clock.sleeping).toBe(0);
  });

  it("cannot change the log once it was left behind", async () => {
    let chatted: Promise<unknown> = Promise.resolve();
    const clock = createVirtualClock();
    const scripted = createScriptedEngine(oneTurn(), clock);
    const busy = createScriptedEngine({ tool: () => ({ error: "rate_limited" }) }, clock);
    const engine: Engine = {
      modelOf: (role) => scripted.modelOf(role),
      // Answers although it was aborted, as an engine may whose reply was already there.
      chat: (request, signal) =>
        request.role === "tool" ? busy.chat(request, new AbortController().signal) : scripted.chat(request, signal),
    };
    const tool = coder({
      timeoutMs: 1_000,
      run: (_args, context) => {
        context.signal.addEventListener("abort", () => {
          chatted = context.chat([{ role: "user", content: "too late" }]);
        });
        return new Promise(() => {});
      },
    });
    const { events, run } = await play({ script: {}, parts: { engine }, tools: [tool], clock });
    expect(await chatted).toMatchObject({ ok: false, error: { code: "aborted" } });
    expect(eventsOf(events, "step.retried")).toEqual([]);
    expect(run.usage.by_role.tool).toBeUndefined();
  });
});

describe("a tool's result", () => {
  it("of up to 64 KB is kept whole", async () => {
    const result = "x".repeat(64 * 1024);
    const { events } = await play({
      script: oneTurn(),
      tools: [coder({ run: async () => ok({ result, producedBy: "test" }) })],
    });
    expect(eventsOf(events, "tool.completed")[0]).toMatchObject({ result, cut: false });
  });

  it.each([
    ["ASCII", "x".repeat(200_000)],
    ["three-byte characters", "漢".repeat(30_000)],
    ["emoji", `.${"😀".repeat(30_000)}`],
    ["an object", { rows: Array.from({ length: 9_000 }, (_, index) => ({ index })) }],
  ])("beyond 64 KB of %s is cut to head and tail, well-formed, and says so", async (_name, result) => {
    const { events, run } = await play({
      script: oneTurn(),
      tools: [coder({ run: async () => ok({ result, producedBy: "test" }) })],
    });
    const [event] = eventsOf(events, "tool.completed");
    const text = String(event?.result);
    expect(event?.cut).toBe(true);
    expect(sizeOf(text)).toBeLessThanOrEqual(64 * 1024);
    expect(sizeOf(text)).toBeGreaterThan(20_000);
    expect(text).toContain("characters left out");
    expect(text.isWellFormed()).toBe(true);
    expect(run.status).toBe("completed");
  });

  it("of a failed call is capped too, and so is its error", async () => {
    const error = { code: "program_error", detail: "e".repeat(50_000), producedBy: "t", result: "y".repeat(200_000) };
    const { events } = await play({ script: oneTurn(), tools: [coder({ run: async () => err(error) })] });
    const [event] = eventsOf(events, "tool.failed");
    expect(event?.cut).toBe(true);
    expect(sizeOf(event)).toBeLessThan(70_000);
  });

  it("of undefined reads back from the log as null", async () => {
    const { run } = await play({
      script: oneTurn(),
      tools: [coder({ run: async () => ok({ result: undefined, producedBy: "test" }) })],
    });
    expect(run.turns[0]?.calls[0]).toMatchObject({ status: "ok", result: null });
  });

  it.each([
    ["too deep", nested(50_000)],
    ["a cycle", cyclic()],
    ["a bigint", 42n],
  ])("that has no JSON text (%s) is the call's failure and not the loop's", async (_name, result) => {
    const { run } = await play({
      script: oneTurn(),
      tools: [coder({ run: async () => ok({ result, producedBy: "test" }) })],
    });
    expect(run.turns[0]?.calls[0]).toMatchObject({ status: "error", error: { code: "bad_result" } });
    expect(run.status).toBe("completed");
  });
});

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 0; level < depth; level += 1) {
    value = [value];
  }
  return value;
}

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}

describe("a tool that asks a model", () => {
  const asking = searcher({
    name: "base_generator",
    llmBacked: true,
    async run(_args, context) {
      const first = await context.chat([{ role: "user", content: "one" }]);
      const second = await context.chat([{ role: "user", content: "two" }]);
      return first.ok && second.ok
        ? ok({ result: `${first.value.text} ${second.value.text}`, producedBy: second.value.modelServed })
        : err({ code: "engine_failed", detail: "no answer", producedBy: "scripted-tool" });
    },
  });
  const script = (tool: NonNullable<Parameters<typeof oneTurn>[0]>["tool"] & {}) =>
    oneTurn({
      planner: [plan({ tool_name: "base_generator" })],
      executor: [{ value: { calls: [{ arguments: { query: "?" } }] } }],
      tool,
    });

  it("does so with the role `tool`, and its calls and tokens are the event's", async () => {
    const { run, log, engine } = await play({ script: script([{ text: "a" }, { text: "b" }]), tools: [asking] });
    expect(run.turns[0]?.calls[0]).toMatchObject({ result: "a b", produced_by: "scripted-tool" });
    expect(run.usage.by_role.tool).toEqual({ prompt_tokens: 20, completion_tokens: 10 });
    expect(engine.requestsOf("tool").every((request) => request.turn === 1)).toBe(true);
    const entry = log.entries().find(({ event }) => event.type === "tool.completed");
    expect(entry?.detail?.calls?.map((call) => [call.prompt, call.text])).toEqual([
      ["base_generator/1", "a"],
      ["base_generator/1", "b"],
    ]);
  });

  it.each(["completed", "failed", "left behind"] as const)(
    "by itself counts the tokens that it used with the run's, also where it %s",
    async (end) => {
      const own = searcher({
        name: "base_generator",
        timeoutMs: 1_000,
        async run(_args, context) {
          context.countTokens({ prompt_tokens: 100, completion_tokens: 7 });
          context.countTokens({ prompt_tokens: 1, completion_tokens: 0 });
          await context.chat([{ role: "user", content: "one" }]);
          if (end === "left behind") {
            return new Promise(() => {});
          }
          return end === "completed"
            ? ok({ result: "a", producedBy: "its own" })
            : err({ code: "empty_reply", detail: "no answer", producedBy: "its own" });
        },
      });
      const { run, events } = await play({ script: script([{ text: "a" }]), tools: [own] });
      const usage = { prompt_tokens: 111, completion_tokens: 12 };
      expect(run.usage.by_role.tool).toEqual(usage);
      const event = events.find(({ type }) => type === "tool.completed" || type === "tool.failed");
      expect(event).toMatchObject({ usage });
      // What a tool uses counts against the run's limit.
      const byRole = Object.values(run.usage.by_role);
      expect(run.usage.total.prompt_tokens).toBe(byRole.reduce((sum, one) => sum + (one?.prompt_tokens ?? 0), 0));
    },
  );

  it("fails as a call when its model fails, and keeps the tokens of what it heard", async () => {
    const { run } = await play({ script: script([{ text: "a" }, { error: "engine_refused" }]), tools: [asking] });
    expect(run.turns[0]?.calls[0]).toMatchObject({ status: "error", error: { code: "engine_failed" } });
    expect(run.usage.by_role.tool).toEqual({ prompt_tokens: 10, completion_tokens: 5 });
    expect(run.status).toBe("completed");
  });
});
