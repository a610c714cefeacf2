// The `python_coder` tool: runs a program that the executor wrote and reports what it printed, its last value and its
// traceback. It does not write programs itself and does not know where the interpreter lives; that is the sandbox port.

import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import { unreachable } from "../../lib/unreachable.ts";
import type { Tool, ToolContext, ToolError, ToolOutput } from "../tool.ts";
import { toOutcome, type PythonOutcome } from "./python-outcome.ts";
import { maxQueueMs, type PythonSandbox } from "./python-sandbox.ts";
import type { ProgramLimits } from "./sandbox/job.ts";
import type { SandboxAnswer } from "./sandbox-answer.ts";

/** A program longer than this is data pasted into source. */
const maxCodeLength = 100_000;

const PythonArguments = z.strictObject({
  code: z
    .string()
    .min(1)
    .max(maxCodeLength)
    .describe("A complete Python 3.14 program. What it prints and the value of its last expression are the result."),
});
export type PythonArguments = z.infer<typeof PythonArguments>;

/**
 * Fuel ends a program that computes, whatever the machine's load: most burn 300 to 800 units in a second of processor
 * time, a few 70 to 3,500. Waiting ends one that sleeps. The time is for a machine that is too slow by far, and what it
 * ends is not held against the program.
 */
export const defaultPythonLimits: ProgramLimits = { maxFuel: 5_000, waitMs: 5_000, timeMs: 90_000 };

/** A boot (45 s), earlier programs again and the program itself, each at its slowest. */
const maxWorkMs = 300_000;
/** A wait behind other runs is nobody's slow program: it has a bound of its own and takes nothing from the work. */
const timeoutMs = maxQueueMs + maxWorkMs;

/** Below this not even a trivial program is sure to end. */
const minTimeMs = 250;

export interface PythonCoderOptions {
  readonly limits?: ProgramLimits;
  /**
   * `namespace` spares the boot between runs; only where every program is our own (the offline engine's). Those use no
   * variables of earlier ones, so that none runs again either.
   */
  readonly isolation?: "interpreter" | "namespace";
}

/** Programs of the run that ended well, which later ones may build on. */
function earlierPrograms(context: ToolContext): string[] {
  return context.earlierArguments.flatMap((earlier) => {
    const parsed = PythonArguments.safeParse(earlier);
    return parsed.success ? [parsed.data.code] : [];
  });
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

function timeSpent({ fuel }: SandboxAnswer, { maxFuel, waitMs }: ProgramLimits): string {
  return fuel > maxFuel
    ? "the program was stopped because it computed for too long"
    : `the program was stopped because it waited for more than ${waitMs / 1000} s`;
}

function failureOf(answer: SandboxAnswer, limits: ProgramLimits): { code: string; detail: string } | null {
  const suffix = answer.detail === "" ? "" : `: ${answer.detail}`;
  switch (answer.end) {
    case "completed":
      return null;
    case "raised":
      return { code: "program_error", detail: lastLine(answer.traceback ?? "") };
    case "time_limit":
      return { code: "time_limit", detail: `${timeSpent(answer, limits)}${suffix}` };
    case "memory_limit":
      return { code: "memory_limit", detail: `the program needs more memory than the sandbox has${suffix}` };
    case "output_limit":
      return { code: "output_limit", detail: `the program was stopped because it went on printing${suffix}` };
    case "crashed":
      return { code: "sandbox_crashed", detail: `the program ended the interpreter${suffix}` };
    case "overloaded":
      return {
        code: "sandbox_overloaded",
        detail: `the machine was too slow for the program: ${limits.timeMs / 1000} s were not enough${suffix}`,
      };
    case "replay_limit":
      return { code: "sandbox_overloaded", detail: `the program did not begin${suffix}` };
    case "cancelled":
      return { code: "aborted", detail: `the call was cancelled${suffix}` };
    default:
      return unreachable(answer.end);
  }
}

function toResult(answer: SandboxAnswer, limits: ProgramLimits): Result<ToolOutput, ToolError> {
  const result: PythonOutcome = toOutcome(answer);
  const failure = failureOf(answer, limits);
  const producedBy = answer.interpreter;
  return failure === null ? ok({ result, producedBy }) : err({ ...failure, producedBy, result });
}

export function createPythonCoder(sandbox: PythonSandbox, options: PythonCoderOptions = {}): Tool<PythonArguments> {
  const limits = options.limits ?? defaultPythonLimits;
  const isolation = options.isolation ?? "interpreter";
  return {
    name: "python_coder",
    description:
      "Runs a Python program in a sandbox and returns what it prints, the value of its last expression, and the " +
      "traceback if it raises. For arithmetic, algebra, counting, search, dates, statistics and text.",
    limitations: [
      "CPython 3.14 with its standard library only: no numpy, pandas or other packages unless sympy was mounted.",
      "No network, no subprocesses, no threads; files exist only inside the sandbox.",
      `A program is stopped after some ten seconds of computing, or ${limits.waitMs / 1000} of sleeping; about 60 MB are left for its data.`,
      "Output beyond 64 KB is cut.",
    ],
    bestPractices: [
      "Write the whole program; print the results that matter, with a word on what each one is.",
      "Prefer exact arithmetic (int, fractions, decimal) to floats where the question asks for an exact answer.",
      "Variables and functions of this run's earlier successful programs are still there; a failed program leaves none.",
      "Bound every search: brute force over more than some ten million steps does not finish in time.",
    ],
    parameters: PythonArguments,
    timeoutMs,
    llmBacked: false,
    repeat: "safe",
    async run(args, context) {
      // Where no signal reaches a program that computes, the run's time limit is the program's own.
      const own = { ...limits, timeMs: Math.max(minTimeMs, Math.min(limits.timeMs, context.timeLeftMs)) };
      const request = {
        tenant: context.tenant,
        runId: context.runId,
        code: args.code,
        earlierCode: isolation === "namespace" ? [] : earlierPrograms(context),
        limits: own,
        isolation,
        onQueued: context.holdClock,
      } as const;
      const answered = await sandbox.run(request, context.signal);
      if (answered.ok && answered.value.end === "overloaded" && own.timeMs < limits.timeMs) {
        return err({ code: "interrupted", detail: "the run's time was over", producedBy: answered.value.interpreter });
      }
      return answered.ok ? toResult(answered.value, own) : err({ ...answered.error, producedBy: "python-sandbox" });
    },
  };
}
