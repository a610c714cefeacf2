// The events that end a run by request. The call under way is closed first, so that a log with its terminal event
// holds no open call.

import type { NewEvent } from "../src/agent/events.ts";
import { noTokens, openTurn, type RunState } from "../src/agent/run-state.ts";
import { warn } from "./warn.ts";

/** A log that cannot be read can still be ended: neither cancel nor erasure may depend on it. */
export function cancellationOf(runId: string, readState: () => RunState): NewEvent[] {
  try {
    return cancellation(readState());
  } catch (error) {
    warn(`the log of ${runId} cannot be read`, error);
    return [{ type: "run.cancelled", turn: null, usage: { total: noTokens, by_role: {} } }];
  }
}

export function cancellation(state: RunState): NewEvent[] {
  const open = openTurn(state);
  const index = open?.calls.findIndex(({ status }) => status === "running") ?? -1;
  const call = open?.calls[index];
  const cancelled: NewEvent = { type: "run.cancelled", turn: null, usage: state.usage };
  if (open === null || call === undefined) {
    return [cancelled];
  }
  const problem = { code: "cancelled", detail: "the run was cancelled" };
  const tool = open.command?.tool ?? "";
  const payload = { call_index: index, tool, arguments: call.arguments, problem, cut: false, ms: 0, produced_by: tool };
  return [{ type: "tool.failed", turn: open.turn, ...payload }, cancelled];
}
