// Memory entries such as the loop folds them, for tests that need one turn and its outcome.

import type { MemoryEntry } from "../../../../src/agent/memory.ts";

/** One turn whose program printed `stdout`, or failed. */
export function entry(subGoal: string, stdout: string, failure: string | null = null): MemoryEntry {
  const error = failure === null ? null : { code: "program_error", detail: failure };
  const result = JSON.stringify({ stdout, value: null, traceback: failure, cut: false, stopped: null });
  const calls = [{ arguments: {}, result, error, produced_by: "test" }];
  return {
    turn: 1,
    sub_goal: subGoal,
    tool: "python_coder",
    calls,
    status: failure === null ? "ok" : "error",
    error: null,
    verification: null,
    ms: 1,
  };
}
