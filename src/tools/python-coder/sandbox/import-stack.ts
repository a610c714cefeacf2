// Watches an interpreter's calls out of WebAssembly: whether JavaScript stands between its frames, which cannot be
// suspended then, and whether it already waits in a suspension of its own. Each call is charged, so that a program that
// lives in JavaScript, asking for the time over and over, burns fuel as well.

/** About what a short call out costs, in metered steps of some two nanoseconds. */
const stepsPerCall = 128;

/** Pyodide saves its state right before it suspends Python and restores it right after. */
const suspendImport = "saveState";
const resumeImport = "restoreState";

interface SuspensionHooks {
  readonly onSuspend: () => void;
  readonly onResumed: () => void;
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

  /** What is no plain function, as a suspending import, stays as it is. */
  watched(imports: WebAssembly.ModuleImports, charge: (steps: number) => unknown): WebAssembly.ModuleImports {
    return Object.fromEntries(
      Object.entries(imports).map(([name, value]) => [
        name,
        typeof value === "function" ? this.#watch(name, value, charge) : value,
      ]),
    );
  }

  #watch(name: string, call: Function, charge: (steps: number) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      charge(stepsPerCall);
      this.#note(name);
      this.#depth += 1;
      try {
        return call(...args);
      } finally {
        this.#depth -= 1;
      }
    };
  }

  #note(name: string): void {
    if (name === suspendImport) {
      this.#suspended += 1;
      this.#hooks.onSuspend();
    } else if (name === resumeImport) {
      this.#suspended -= 1;
      this.#hooks.onResumed();
    }
  }
}
