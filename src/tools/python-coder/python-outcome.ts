// The tool's result: what a program left, in the shape that planner, verifier and records see. It keeps its JSON text
// under the loop's cap by itself, so that a cut is always marked as one.

import * as z from "zod";
import { unreachable } from "../../lib/unreachable.ts";
import type { SandboxAnswer } from "./sandbox-answer.ts";

export const PythonOutcome = z.strictObject({
  /** stdout and stderr, in the order of writing. */
  stdout: z.string(),
  /** repr of the last expression's value; null without one, or when it is None. */
  value: z.string().nullable(),
  traceback: z.string().nullable(),
  /** Something of stdout or value is missing. */
  cut: z.boolean(),
  /** What stopped the program; null when it ended by itself. */
  stopped: z.enum(["time_limit", "memory_limit", "output_limit", "sandbox_crashed"]).nullable(),
});
export type PythonOutcome = z.infer<typeof PythonOutcome>;

/** The loop cuts a result's JSON text at 64 KB; this leaves room for the text around it. */
const maxJsonBytes = 63 * 1024;

function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** Shortens stdout until the whole fits: escapes make its length in JSON unforeseeable. */
function fit(outcome: PythonOutcome): PythonOutcome {
  let fitted = outcome;
  let excess = jsonBytes(fitted) - maxJsonBytes;
  while (excess > 0 && fitted.stdout.length > 0) {
    // A UTF-16 unit is at least one byte and at most six in JSON.
    const keep = Math.max(0, fitted.stdout.length - Math.max(1, Math.floor(excess / 6)));
    fitted = { ...fitted, stdout: fitted.stdout.slice(0, keep), cut: true };
    excess = jsonBytes(fitted) - maxJsonBytes;
  }
  return fitted;
}

function stoppedBy(end: SandboxAnswer["end"]): PythonOutcome["stopped"] {
  switch (end) {
    case "completed":
    case "raised":
    case "overloaded":
    case "replay_limit":
    case "cancelled":
      return null;
    case "crashed":
      return "sandbox_crashed";
    case "time_limit":
    case "memory_limit":
    case "output_limit":
      return end;
    default:
      return unreachable(end);
  }
}

export function toOutcome(answer: SandboxAnswer): PythonOutcome {
  const { stdout, value, traceback, cut } = answer;
  return fit({ stdout, value, traceback, cut, stopped: stoppedBy(answer.end) });
}
