// f_mem: a turn as memory holds it. Deterministic in (a, e, v): the same turn always gives the same entry.

import { type MemoryEntry, elide, maxResultChars } from "./memory.ts";
import { type CallState, toolStatusOf, type TurnState } from "./run-state.ts";

export function toMemoryEntry(turn: TurnState): MemoryEntry {
  const { plan, command, verification, completed } = turn;
  return {
    turn: turn.turn,
    sub_goal: plan?.sub_goal ?? null,
    tool: plan?.tool ?? null,
    calls: turn.calls.map((call) => toMemoryCall(call, Math.floor(maxResultChars / turn.calls.length))),
    status: toolStatusOf(turn),
    error: plan?.parse_error ?? command?.parse_error ?? null,
    verification:
      verification === null ? null : { conclusion: verification.conclusion, analysis: verification.analysis },
    ms: completed?.ms ?? 0,
  };
}

function toMemoryCall(call: CallState, maxChars: number): MemoryEntry["calls"][number] {
  return {
    arguments: call.arguments,
    result: call.result === undefined ? null : elide(asText(call.result), maxChars),
    error: call.error ?? null,
    produced_by: call.producedBy ?? "",
  };
}

/** A text result as it is, any other as JSON. */
export function asText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "null");
}
