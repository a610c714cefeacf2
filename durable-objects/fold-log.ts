// The state of a log as it was stored: one whose events can be read one by one and make no sense together is as
// unreadable as one with a broken row, and no retry helps either.

import type { RunEvent } from "../src/agent/events.ts";
import { foldRun } from "../src/agent/fold.ts";
import type { RunState } from "../src/agent/run-state.ts";
import { UnreadableLogError } from "./event-table.ts";

/** Null for an empty log. Throws UnreadableLogError. */
export function foldLog(events: readonly RunEvent[]): RunState | null {
  try {
    return foldRun(events);
  } catch (cause) {
    throw new UnreadableLogError("the log cannot be folded", events.at(-1)?.seq ?? 0, { cause });
  }
}
