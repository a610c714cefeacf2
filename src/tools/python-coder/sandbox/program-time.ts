// Where a program's time goes: computing, waiting for a timer of its own, or paused so that others get the processor.
// Whoever computes looks in here every few milliseconds, so that what lies between two looks was computing, and the
// rest was not. It decides nothing but when a pause is due.

/** A program that has computed for so long lets others run. With a pause of a millisecond that costs some 4 percent. */
const computeSliceMs = 25;
/** The same where the clock stands still while a program computes, as in a deployed Worker. */
const computeSliceUnits = 64;

export class ProgramTime {
  readonly #now: () => number;
  #startedMs = 0;
  /** When the part of computing began that is not yet counted. */
  #sinceMs = 0;
  #computedMs = 0;
  #pausedMs = 0;
  /** Null while no pause lasts. */
  #pauseBeganMs: number | null = null;
  #sliceBeganMs = 0;
  #sliceUnits = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  start(): void {
    const now = this.#now();
    this.#startedMs = now;
    this.#computedMs = 0;
    this.#pausedMs = 0;
    this.#pauseBeganMs = null;
    this.#beginSlice(now);
  }

  /** The program computes and has done so since the last look, entry or resumption; nothing is noted during a pause. */
  look(): void {
    if (this.isPaused) {
      return;
    }
    const now = this.#now();
    this.#computedMs += now - this.#sinceMs;
    this.#sinceMs = now;
  }

  /** The program computes again after a wait. */
  enter(): void {
    this.#beginSlice(this.#now());
  }

  /**
   * A timer of the program has its turn, which was due at `dueMs`. What lies between counts as a pause: others held up
   * the event loop, and the program did not choose to wait for that.
   */
  wake(dueMs: number): void {
    this.#pausedMs += Math.max(0, this.#now() - Math.max(dueMs, this.#sinceMs));
    this.enter();
  }

  pause(): void {
    this.look();
    this.#pauseBeganMs = this.#sinceMs;
  }

  resume(): void {
    const now = this.#now();
    this.#pausedMs += now - (this.#pauseBeganMs ?? now);
    this.#pauseBeganMs = null;
    this.#beginSlice(now);
  }

  get isPaused(): boolean {
    return this.#pauseBeganMs !== null;
  }

  get computedMs(): number {
    return this.#computedMs;
  }

  /** Exact at a look; between two looks it takes computing for waiting, and until a timer fires its lateness too. */
  get waitedMs(): number {
    const now = this.#now();
    const pausedMs = this.#pausedMs + (this.#pauseBeganMs === null ? 0 : now - this.#pauseBeganMs);
    return now - this.#startedMs - this.#computedMs - pausedMs;
  }

  /** To be asked once for each portion of fuel, after a look. */
  isPauseDue(units: number): boolean {
    this.#sliceUnits += units;
    return this.#sliceUnits >= computeSliceUnits || this.#sinceMs - this.#sliceBeganMs >= computeSliceMs;
  }

  #beginSlice(now: number): void {
    this.#sinceMs = now;
    this.#sliceBeganMs = now;
    this.#sliceUnits = 0;
  }
}
