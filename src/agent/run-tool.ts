// The executor's second half: one tool call, with its timeout, its output cap and its provenance. A tool cannot
// hold up the run: a call that ignores its signal is left behind.

import type { TokenUsage } from "../engines/engine.ts";
import { aborted } from "../engines/retry.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { resultKey } from "../tools/result-cache.ts";
import { findTool } from "../tools/tool-name.ts";
import type { Tool, ToolContext, ToolError, ToolOutput } from "../tools/tool.ts";
import { callModule, type StepContext } from "./call-module.ts";
import { frozenSampling } from "./ask-frozen.ts";
import type { ModuleCall, NewEvent } from "./events.ts";
import { addTokens, noTokens, openTurn, type RunState } from "./run-state.ts";
import type { StepOutcome } from "./steps.ts";
import { capResult, toProblem, toStorable } from "./tool-outcome.ts";
import { withToolTimeout } from "./tool-timeout.ts";

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
  const { deps, timeLimit } = context;
  const { state } = deps.log;
  const open = openTurn(state);
  const call = open?.calls[key.callIndex];
  const tool = open?.command === null || open?.command === undefined ? null : findTool(open.command.tool, deps.tools);
  if (call === undefined || tool === null) {
    throw new Error(`turn ${key.turn} of ${state.runId} has no started call ${key.callIndex}`);
  }
  const started: StartedKey = { ...key, args: call.arguments };
  if (seen === "recovered" && tool.repeat === "never") {
    return ok([failed(started, tool, unknownOutcome(tool), 0, { calls: [], otherTokens: noTokens })]);
  }
  const resultId = deps.results === undefined ? null : await resultKey(tool, call.arguments);
  const startedAt = deps.clock.now();
  const asked: AskedModels = { calls: [], otherTokens: noTokens };
  const outcome = await withToolTimeout({ clock: context.timer, signal: deps.signal, timeLimit }, tool, (signal) =>
    callTool(context, tool, { ...started, resultId }, signal, asked),
  );
  if (deps.signal.aborted) {
    return err({ kind: "cancelled" });
  }
  const ms = deps.clock.now() - startedAt;
  return ok([
    outcome.ok ? completed(started, tool, outcome.value, ms, asked) : failed(started, tool, outcome.error, ms, asked),
  ]);
}

/** Capped; `cached` where it is that of an earlier call. */
interface CalledTool extends ToolOutput {
  readonly cut: boolean;
  readonly cached?: true;
}

/** The models that stand behind a call: those asked through the loop, and what the tool's own have used. */
interface AskedModels {
  readonly calls: ModuleCall[];
  otherTokens: TokenUsage;
}

interface StartedKey extends CallKey {
  readonly args: unknown;
}

interface StartedCall extends StartedKey {
  /** Where its result is kept; null where it is not. */
  readonly resultId: string | null;
}

async function callTool(
  context: StepContext,
  tool: Tool,
  call: StartedCall,
  signal: AbortSignal,
  asked: AskedModels,
): Promise<Result<CalledTool, ToolError>> {
  const checked = tool.parameters.safeParse(call.args);
  if (!checked.success) {
    return err({ code: "invalid_arguments", detail: checked.error.message, producedBy: tool.name });
  }
  const { results, log } = context.deps;
  const { resultId } = call;
  const kept = resultId === null ? null : await results?.find(resultId);
  if (kept !== null && kept !== undefined) {
    return ok({ result: kept.result, cut: kept.cut, producedBy: kept.produced_by, cached: true });
  }
  const outcome = toStorable(tool, await tool.run(checked.data, toToolContext(context, tool, call, signal, asked)));
  if (!outcome.ok) {
    return outcome;
  }
  const capped = { ...capResult(outcome.value.result), producedBy: outcome.value.producedBy };
  if (resultId !== null && !signal.aborted) {
    const { producedBy, ...rest } = capped;
    await results?.keep(resultId, { ...rest, produced_by: producedBy }, { tool: tool.name, runId: log.state.runId });
  }
  return ok(capped);
}

function toToolContext(
  context: StepContext,
  tool: Tool,
  { turn, callIndex }: CallKey,
  signal: AbortSignal,
  models: AskedModels,
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
    holdClock: (until) => context.timer.hold(until),
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
        { ...context, deps: { ...deps, signal }, stop: signal },
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
        models.calls.push(asked.value.call);
        return ok(asked.value.reply);
      }
      return err(asked.error.kind === "engine" ? asked.error.error : aborted());
    },
    countTokens: (usage) => {
      models.otherTokens = addTokens(models.otherTokens, usage);
    },
  };
}

function unknownOutcome(tool: Tool): ToolError {
  const detail = "the service stopped while the call ran, and this tool must not be called twice";
  return { code: "outcome_unknown", detail, producedBy: tool.name };
}

function completed(key: StartedKey, tool: Tool, output: CalledTool, ms: number, asked: AskedModels): NewEvent {
  const payload = {
    call_index: key.callIndex,
    tool: tool.name,
    arguments: key.args,
    result: output.result,
    cut: output.cut,
    ms,
    produced_by: output.producedBy,
    ...(output.cached === true ? { cached: true as const } : {}),
    ...usageOf(asked),
  };
  return { type: "tool.completed", turn: key.turn, ...payload, ...detailOf(asked) };
}

function failed(key: StartedKey, tool: Tool, error: ToolError, ms: number, asked: AskedModels): NewEvent {
  const { result, cut } = capResult(error.result);
  const payload = {
    call_index: key.callIndex,
    tool: tool.name,
    arguments: key.args,
    problem: toProblem(error),
    ...(result === undefined ? {} : { result }),
    cut,
    ms,
    produced_by: error.producedBy,
    ...usageOf(asked),
  };
  return { type: "tool.failed", turn: key.turn, ...payload, ...detailOf(asked) };
}

function usageOf({ calls, otherTokens }: AskedModels): { usage?: TokenUsage } {
  return calls.length === 0 && otherTokens === noTokens
    ? {}
    : { usage: calls.map((call) => call.usage).reduce(addTokens, otherTokens) };
}

function detailOf({ calls }: AskedModels) {
  return calls.length === 0 ? {} : { detail: { calls: [...calls] } };
}
