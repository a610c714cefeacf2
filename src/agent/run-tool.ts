// The executor's second half: one tool call, with its timeout, its output cap and its provenance. A tool cannot
// hold up the run: a call that ignores its signal is left behind.

import type { TokenUsage } from "../engines/engine.ts";
import { aborted } from "../engines/retry.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { findTool } from "../tools/tool-name.ts";
import type { Tool, ToolContext, ToolError, ToolOutput } from "../tools/tool.ts";
import { callModule, type StepContext } from "./call-module.ts";
import { frozenSampling } from "./ask-frozen.ts";
import type { ModuleCall, NewEvent } from "./events.ts";
import { toJsonText } from "./json-text.ts";
import { elide } from "./memory.ts";
import { asText } from "./memory-entry.ts";
import { addTokens, noTokens, openTurn, type RunState } from "./run-state.ts";
import type { StepOutcome } from "./steps.ts";

/** DESIGN section 3: a tool result is capped at 64 KB. */
const maxResultBytes = 64 * 1024;

interface CallKey {
  readonly turn: number;
  readonly callIndex: number;
}

/** The event that stands in the log before a call acts. */
export function startTool(state: RunState, { turn, callIndex }: CallKey): NewEvent {
  const command = openTurn(state)?.command;
  const call = command?.calls[callIndex];
  if (command === null || command === undefined || call === undefined) {
    throw new Error(`turn ${turn} of ${state.runId} has no call ${callIndex}`);
  }
  const payload = { call_index: callIndex, tool: command.tool, arguments: call.arguments };
  return { type: "tool.started", turn, ...payload };
}

/** Runs a call that has started. `seen`: whether this incarnation of the loop started it, or an earlier one did. */
export async function runTool(context: StepContext, key: CallKey, seen: "fresh" | "recovered"): Promise<StepOutcome> {
  const { deps, timer } = context;
  const { state } = deps.log;
  const open = openTurn(state);
  const call = open?.calls[key.callIndex];
  const tool = open?.command === null || open?.command === undefined ? null : findTool(open.command.tool, deps.tools);
  if (call === undefined || tool === null) {
    throw new Error(`turn ${key.turn} of ${state.runId} has no started call ${key.callIndex}`);
  }
  if (seen === "recovered" && tool.repeat === "never") {
    return ok([failed(key, tool, unknownOutcome(tool), 0, [])]);
  }
  const startedAt = deps.clock.now();
  const calls: ModuleCall[] = [];
  const outcome = await timer.within(context.limitMs, (timeLimit) =>
    withTimeout(context, tool, timeLimit, (signal) => callTool(context, tool, key, call.arguments, signal, calls)),
  );
  if (deps.signal.aborted) {
    return err({ kind: "cancelled" });
  }
  const ms = deps.clock.now() - startedAt;
  return ok([
    outcome.ok ? completed(key, tool, outcome.value, ms, calls) : failed(key, tool, outcome.error, ms, calls),
  ]);
}

async function callTool(
  context: StepContext,
  tool: Tool,
  key: CallKey,
  args: unknown,
  signal: AbortSignal,
  calls: ModuleCall[],
): Promise<Result<ToolOutput, ToolError>> {
  const checked = tool.parameters.safeParse(args);
  if (!checked.success) {
    return err({ code: "invalid_arguments", detail: checked.error.message, producedBy: tool.name });
  }
  return toStorable(tool, await tool.run(checked.data, toToolContext(context, tool, key, signal, calls)));
}

/** Only what has a JSON text can stand in the log; a tool without one has failed, and not the loop. */
function toStorable(tool: Tool, outcome: Result<ToolOutput, ToolError>): Result<ToolOutput, ToolError> {
  if (!outcome.ok) {
    const { result: _result, ...error } = outcome.error;
    return toJsonText(outcome.error.result) === null ? err(error) : outcome;
  }
  const { result, producedBy } = outcome.value;
  if (result === undefined) {
    return ok({ result: null, producedBy });
  }
  return toJsonText(result) === null
    ? err({ code: "bad_result", detail: `the result of ${tool.name} is no JSON value`, producedBy })
    : outcome;
}

function toToolContext(
  context: StepContext,
  tool: Tool,
  { turn, callIndex }: CallKey,
  signal: AbortSignal,
  calls: ModuleCall[],
): ToolContext {
  const { deps } = context;
  const { state } = deps.log;
  return {
    tenant: deps.tenant,
    runId: state.runId,
    turn,
    callIndex,
    idempotencyKey: `${state.runId}/${turn}/${callIndex}`,
    signal,
    timeLeftMs: Math.max(0, context.limitMs - context.timer.activeMs()),
    earlierArguments: state.turns.flatMap((earlier) =>
      earlier.command?.tool === tool.name
        ? earlier.calls.filter((call) => call.status === "ok").map((call) => call.arguments)
        : [],
    ),
    async chat(messages) {
      // A tool that was left behind may still be running; it has no part in the run any more.
      if (signal.aborted) {
        return err(aborted());
      }
      const asked = await callModule(
        { ...context, deps: { ...deps, signal } },
        {
          role: "tool",
          step: "tool",
          turn,
          prompt: { version: `${tool.name}/1`, messages },
          sampling: { ...frozenSampling },
          structure: "free",
          capture: "text",
        },
      );
      if (asked.ok) {
        calls.push(asked.value.call);
        return ok(asked.value.reply);
      }
      return err(asked.error.kind === "engine" ? asked.error.error : aborted());
    },
  };
}

async function withTimeout(
  { deps }: StepContext,
  tool: Tool,
  timeLimit: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result<ToolOutput, ToolError>>,
): Promise<Result<ToolOutput, ToolError>> {
  const finished = new AbortController();
  const timeout = new AbortController();
  const stop = AbortSignal.any([deps.signal, timeLimit, timeout.signal]);
  const late = deps.clock.sleep(tool.timeoutMs, AbortSignal.any([finished.signal, deps.signal, timeLimit])).then(() => {
    if (!finished.signal.aborted) {
      timeout.abort();
    }
    return err(interruption(tool, timeLimit));
  });
  try {
    return await Promise.race([work(stop), late]);
  } finally {
    finished.abort("finished");
  }
}

function interruption(tool: Tool, timeLimit: AbortSignal): ToolError {
  return timeLimit.aborted
    ? { code: "interrupted", detail: "the run's time was over", producedBy: tool.name }
    : { code: "timeout", detail: `no result within ${tool.timeoutMs} ms`, producedBy: tool.name };
}

function unknownOutcome(tool: Tool): ToolError {
  const detail = "the service stopped while the call ran, and this tool must not be called twice";
  return { code: "outcome_unknown", detail, producedBy: tool.name };
}

function completed(key: CallKey, tool: Tool, output: ToolOutput, ms: number, calls: readonly ModuleCall[]): NewEvent {
  const { result, cut } = capResult(output.result);
  const payload = {
    call_index: key.callIndex,
    tool: tool.name,
    result,
    cut,
    ms,
    produced_by: output.producedBy,
    ...usageOf(calls),
  };
  return { type: "tool.completed", turn: key.turn, ...payload, ...detailOf(calls) };
}

function failed(key: CallKey, tool: Tool, error: ToolError, ms: number, calls: readonly ModuleCall[]): NewEvent {
  const { result, cut } = capResult(error.result);
  const payload = {
    call_index: key.callIndex,
    tool: tool.name,
    problem: { code: error.code, detail: elide(error.detail, maxErrorChars) },
    ...(result === undefined ? {} : { result }),
    cut,
    ms,
    produced_by: error.producedBy,
    ...usageOf(calls),
  };
  return { type: "tool.failed", turn: key.turn, ...payload, ...detailOf(calls) };
}

/** A traceback's worth. */
const maxErrorChars = 4000;

/** Room for the note that says how much was left out. */
const maxNoteChars = 100;

/** A result beyond the cap becomes the head and tail of its text. */
function capResult(result: unknown): { result: unknown; cut: boolean } {
  if (result === undefined) {
    return { result: undefined, cut: false };
  }
  const text = asText(result);
  if (new TextEncoder().encode(text).byteLength <= maxResultBytes) {
    return { result, cut: false };
  }
  // Bytes are spread unevenly over the characters, so a fair share of characters may still be too many bytes.
  let cut = text;
  for (let size = jsonBytes(cut); size > maxResultBytes; size = jsonBytes(cut)) {
    cut = elide(text, Math.floor((cut.length * maxResultBytes) / size) - maxNoteChars);
  }
  return { result: cut, cut: true };
}

function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).byteLength;
}

function usageOf(calls: readonly ModuleCall[]): { usage?: TokenUsage } {
  return calls.length === 0 ? {} : { usage: calls.map((call) => call.usage).reduce(addTokens, noTokens) };
}

function detailOf(calls: readonly ModuleCall[]) {
  return calls.length === 0 ? {} : { detail: { calls: [...calls] } };
}
