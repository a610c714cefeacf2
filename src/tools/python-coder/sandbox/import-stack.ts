// Watches an interpreter's calls out of WebAssembly: whether JavaScript stands between its frames, which cannot be
// suspended then, and whether it already waits in a suspension of its own. Each call is charged, so that a program that
// lives in JavaScript, asking for the time over and over, burns fuel as well.

/** About what a short call out costs, in metered steps of some two nanoseconds. */
const stepsPerCall = 128;

interface SuspensionHooks {
  readonly onSuspend: () => void;
  readonly onResume: () => void;
}

export class ImportStack {
  readonly #hooks: SuspensionHooks;
  #depth = 0;
  #suspended = 0;

  constructor(hooks: SuspensionHooks) {
    this.#hooks = hooks;
  }

  /** Nothing but WebAssembly frames, and no other stack that could be resumed meanwhile. */
  get isPlain(): boolean {
    return this.#depth === 0 && this.#suspended === 0;
  }

  /** A part of the program is about to wait. */
  suspend(): void {
    this.#suspended += 1;
    this.#hooks.onSuspend();
  }

  /** A part of the program that waited goes on. */
  resume(): void {
    this.#suspended -= 1;
    this.#hooks.onResume();
  }

  /** The program has ended: the parts of it that wait will never go on. */
  endProgram(): void {
    this.#suspended = 0;
  }

  /** What is no plain function, as a suspending import, stays as it is. */
  watched(imports: WebAssembly.ModuleImports, charge: (steps: number) => unknown): WebAssembly.ModuleImports {
    return Object.fromEntries(
      Object.entries(imports).map(([name, value]) => [
        name,
        typeof value === "function" ? this.#watch(value, charge) : value,
      ]),
    );
  }

  #watch(call: Function, charge: (steps: number) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      charge(stepsPerCall);
      this.#depth += 1;
      try {
        return call(...args);
      } finally {
        this.#depth -= 1;
      }
    };
  }
}
