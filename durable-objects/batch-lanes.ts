// How many calls to other objects a batch has under way: a few at most, whoever makes them. It knows nothing of what
// is called.

export class Lanes {
  readonly #limit: number;
  readonly #waitUntil: (promise: Promise<unknown>) => void;
  #busy = 0;
  #waiting: (() => void)[] = [];

  constructor(limit: number, waitUntil: (promise: Promise<unknown>) => void) {
    this.#limit = limit;
    this.#waitUntil = waitUntil;
  }

  get free(): number {
    return this.#limit - this.#busy;
  }

  /** Resolves when a lane is free; another caller may have taken it by then. */
  async room(): Promise<void> {
    while (this.free <= 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  /** Takes a lane at once, whether or not one is free. `call` must not reject. */
  start(call: () => Promise<void>): void {
    this.#busy += 1;
    this.#waitUntil(this.#run(call));
  }

  async #run(call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } finally {
      this.#busy -= 1;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) {
        resolve();
      }
    }
  }
}
