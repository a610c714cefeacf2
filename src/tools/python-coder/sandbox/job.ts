// What the pool sends to an interpreter's isolate. Types only: the isolate's answer is validated outside,
// in ../sandbox-answer.ts, because what comes out of a sandbox is not to be trusted.

/** When a program is stopped. Both bounds hold; a deployed Worker's clock stands still while it computes. */
export interface ProgramLimits {
  readonly timeMs: number;
  /** In units of 2^20 metered WebAssembly steps (scripts/sandbox/meter-code.ts). */
  readonly maxFuel: number;
}

export interface SandboxJob {
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
