// What the pool sends to an interpreter's isolate. Types only: the isolate's answer is validated outside,
// in ../sandbox-answer.ts, because what comes out of a sandbox is not to be trusted.

/** When a program is stopped. All bounds hold. */
export interface ProgramLimits {
  /** What it may compute, in units of 2^20 metered WebAssembly steps (scripts/sandbox/meter-code.ts). */
  readonly maxFuel: number;
  /** How long it may wait for timers of its own. */
  readonly waitMs: number;
  /** How long its computing may take on a machine that is too slow: far more than `maxFuel` ever takes. */
  readonly timeMs: number;
}

export interface SandboxJob {
  /** Names this job to whoever wants it cancelled. */
  readonly ticket: string;
  readonly runId: string;
  readonly code: string;
  /** The run's earlier programs that ended well, oldest first: what the namespace must have seen. */
  readonly earlierCode: readonly string[];
  readonly limits: ProgramLimits;
  /** For all earlier programs together, when they must run again. */
  readonly replayLimits: ProgramLimits;
  /** `namespace`: another run may reuse the interpreter with fresh variables. Only for programs that are our own. */
  readonly isolation: "interpreter" | "namespace";
}

/** What the host tells the isolate about its files. */
export interface RunnerEnv {
  /** `info` of pyodide-lock.json, which the loader compares with its own build. */
  readonly lockInfo: Readonly<Record<string, string>>;
  /** Names of mounted zips, e.g. `sympy.bin`. */
  readonly packs: readonly string[];
}
