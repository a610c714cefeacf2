// What an interpreter's isolate answers to one job. The isolate runs strangers' programs, so its answer is checked
// against this schema before anything reads it.

import * as z from "zod";

export const SandboxAnswer = z.strictObject({
  /**
   * `overloaded`: the machine was too slow for it. `replay_limit`: its run's earlier programs, which had to run again, waited
   * for too long together. `cancelled`: its caller no longer wanted it.
   */
  end: z.enum([
    "completed",
    "raised",
    "time_limit",
    "memory_limit",
    "output_limit",
    "crashed",
    "overloaded",
    "replay_limit",
    "cancelled",
  ]),
  /** Why it crashed, or that it happened while earlier programs ran again; empty otherwise. */
  detail: z.string(),
  /** stdout and stderr in the order of writing. */
  stdout: z.string(),
  /** The repr of the last expression; null without one, or when it is None. */
  value: z.string().nullable(),
  traceback: z.string().nullable(),
  cut: z.boolean(),
  /** e.g. `cpython-3.14.2/pyodide-314.0.7` */
  interpreter: z.string(),
  /** Units of 2^20 metered steps that the program burned. */
  fuel: z.number(),
  heapBytes: z.number(),
  /** 0 where the interpreter was already there. */
  bootMs: z.number(),
  runMs: z.number(),
  /** Of `runMs`: computing, and waiting for timers of its own. The rest was spent letting others run. */
  computedMs: z.number(),
  waitedMs: z.number(),
  /** How many earlier programs ran again first. */
  replayed: z.int(),
});
export type SandboxAnswer = z.infer<typeof SandboxAnswer>;
