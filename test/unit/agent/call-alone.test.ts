// One tool call outside any run: the checks and caps of a run, without its log.

import { expect, test } from "vitest";
import { type AloneOutcome, callAlone } from "../../../src/agent/call-alone.ts";
import { err, ok } from "../../../src/lib/result.ts";
import { createBaseGenerator } from "../../../src/tools/base-generator/tool.ts";
import type { Tool, ToolContext } from "../../../src/tools/tool.ts";
import { createScriptedEngine, type Script } from "../../support/scripted-engine.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";
import { coder } from "./support.ts";

async function call(
  tool: Tool,
  args: unknown = { code: "1" },
  {
    script = {},
    signal = new AbortController().signal,
  }: { readonly script?: Script; readonly signal?: AbortSignal } = {},
): Promise<AloneOutcome> {
  const clock = createVirtualClock();
  const engine = createScriptedEngine(script, clock);
  const outcome = await callAlone(
    { engine, clock, random: () => 0.5 },
    { tenant: "acme", callId: "call_1", tool, args, signal },
  );
  engine.done();
  return outcome;
}

test("gives what the tool gave and who made it", async () => {
  expect(await call(coder())).toEqual({
    kind: "completed",
    result: "42",
    cut: false,
    producedBy: "cpython-test",
    ms: 0,
  });
});

test("has a lease and a key of its own and no earlier calls", async () => {
  const seen: ToolContext[] = [];
  await call(
    coder({
      run: async (_args, context) => {
        seen.push(context);
        return ok({ result: null, producedBy: "test" });
      },
    }),
  );
  expect(seen[0]).toMatchObject({
    tenant: "acme",
    runId: "call_1",
    idempotencyKey: "call_1/1/0",
    earlierArguments: [],
    timeLeftMs: 20_000,
  });
});

test("refuses arguments that do not fit before anything runs", async () => {
  const outcome = await call(coder({ run: () => Promise.reject(new Error("it ran")) }), { code: 1 });
  expect(outcome.kind === "invalid_arguments" ? outcome.error.issues[0]?.path : outcome).toEqual(["code"]);
});

test("asks the model with the role tool", async () => {
  expect(
    await call(createBaseGenerator(), { query: "six by seven" }, { script: { tool: [{ text: " 42 " }] } }),
  ).toMatchObject({ kind: "completed", result: "42" });
});

test("shows a failure with what there was before it, and cuts what is long", async () => {
  const failing = coder({
    run: async () =>
      err({ code: "program_error", detail: "it raised", producedBy: "test", result: "x".repeat(100_000) }),
  });
  const outcome = await call(failing);
  expect(outcome).toMatchObject({
    kind: "failed",
    problem: { code: "program_error", detail: "it raised" },
    cut: true,
    producedBy: "test",
  });
});

test("does not wait longer than the tool's time, nor for a caller that has gone", async () => {
  const deaf = coder({ run: () => Promise.withResolvers<never>().promise });
  expect(await call(deaf)).toMatchObject({ kind: "failed", problem: { code: "timeout" }, ms: 20_000 });
  const abort = new AbortController();
  const waiting = call(deaf, { code: "1" }, { signal: abort.signal });
  abort.abort();
  expect(await waiting).toMatchObject({ kind: "failed" });
});
