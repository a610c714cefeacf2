// Runs what a session owes to the outside, one pass at a time and in the background. A call that comes during a pass
// asks for one more after it, so that whatever was written meanwhile is seen. It knows nothing of what is delivered.

export interface DeliveryHost {
  /** One pass over everything that is due. */
  readonly pass: () => Promise<void>;
  /** After each pass: what is open may have changed. */
  readonly settled: () => Promise<void>;
  readonly waitUntil: (promise: Promise<unknown>) => void;
}

export class Delivery {
  readonly #host: DeliveryHost;
  #running: Promise<void> | null = null;
  #isWanted = false;

  constructor(host: DeliveryHost) {
    this.#host = host;
  }

  start(): void {
    this.#isWanted = true;
    if (this.#running === null) {
      this.#running = this.#run();
      this.#host.waitUntil(this.#running);
    }
  }

  /** Resolves when nothing is being delivered. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      // Whoever calls is in the middle of a change; the pass begins when that is complete.
      await Promise.resolve();
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.#host.pass();
        await this.#host.settled();
      }
    } finally {
      this.#running = null;
    }
  }
}
