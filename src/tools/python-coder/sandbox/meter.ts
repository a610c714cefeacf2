// Stops a program that will not stop: the metered WebAssembly calls in here from the heads of its loops, and here
// time and fuel are compared with the limits. First comes KeyboardInterrupt, then an error thrown through the
// interpreter, which is lost by that. It knows nothing of Pyodide beyond two imports and two exports.

import type { ProgramLimits } from "./job.ts";

/** Metered steps between two looks at the clock: some milliseconds. One such portion is one unit of `maxFuel`. */
const stepsPerUnit = 1 << 20;
/**
 * What 50 backward jumps or calls of bytecode burn besides: CPython's evaluation loop is a switch, which the metering
 * cannot weigh. With this, most Python code burns 300 to 900 units a second, near to what C code does.
 */
const stepsPerSignalCheck = 512;
/** From KeyboardInterrupt to the next one, for programs that catch it. */
const repeatMs = 300;
/** From the first KeyboardInterrupt to the hard stop. */
const graceMs = 2 * repeatMs;
/** The grace in fuel, where the clock stands still: an eighth of the budget, at least this much. */
const graceUnits = 50;
/** What CPython takes as the number of a pending signal: SIGINT. */
const interruptSignal = 2;

export type StopReason = "time_limit" | "output_limit";

/** Thrown through the WebAssembly frames; the interpreter it passes is torn and must be thrown away. */
export class HardStop extends Error {
  readonly reason: StopReason;
  constructor(reason: StopReason) {
    super(`stopped: ${reason}`);
    this.name = "HardStop";
    this.reason = reason;
  }
}

export interface MeterReading {
  readonly fuel: number;
  readonly reason: StopReason | null;
}

/** The exports of a metered interpreter that the meter uses. */
export interface MeteredExports {
  readonly fuel: WebAssembly.Global;
  readonly memory: WebAssembly.Memory;
  /** Address of the byte that makes CPython look for signals. */
  readonly signalHandlingAddress: number;
}

type State = "idle" | "armed" | "stopped";

export class Meter {
  readonly #now: () => number;
  #exports: MeteredExports | null = null;
  #state: State = "idle";
  #reason: StopReason | null = null;
  #interruptPending = false;
  #used = 0;
  #softMs = 0;
  #hardMs = 0;
  #softFuel = 0;
  #hardFuel = 0;
  #onHardStop: (stop: HardStop) => void = () => undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** From now on only this interpreter may compute; older ones are stopped at their next loop turn. */
  adopt(exports: MeteredExports): void {
    this.#exports = exports;
    this.#state = "idle";
    exports.fuel.value = stepsPerUnit;
  }

  /** `onHardStop` is told because the error itself may be caught inside the WebAssembly. */
  arm(limits: ProgramLimits, onHardStop: (stop: HardStop) => void): void {
    const { fuel, memory, signalHandlingAddress } = this.#adopted();
    new Uint8Array(memory.buffer)[signalHandlingAddress] = 1;
    fuel.value = stepsPerUnit;
    this.#softMs = this.#now() + limits.timeMs;
    this.#hardMs = this.#softMs + graceMs;
    this.#softFuel = limits.maxFuel;
    this.#hardFuel = limits.maxFuel + Math.max(graceUnits, limits.maxFuel / 8);
    this.#used = 0;
    this.#reason = null;
    this.#interruptPending = false;
    this.#onHardStop = onHardStop;
    this.#state = "armed";
  }

  disarm(): MeterReading {
    this.#state = this.#state === "stopped" ? "stopped" : "idle";
    this.#interruptPending = false;
    return { fuel: this.#used, reason: this.#reason };
  }

  /** Asks the running program to end, and ends it if it does not. */
  interrupt(reason: StopReason): void {
    if (this.#state !== "armed" || this.#reason !== null) {
      return;
    }
    this.#softMs = this.#now();
    this.#hardMs = this.#softMs + graceMs;
    this.#softFuel = this.#used;
    this.#hardFuel = this.#used + graceUnits;
    this.#requestInterrupt(reason);
  }

  /** Burns fuel for work done in JavaScript on the program's behalf. */
  charge(steps: number): void {
    this.#adopted().fuel.value -= steps;
  }

  get heapBytes(): number {
    return this.#exports?.memory.buffer.byteLength ?? 0;
  }

  /** The refuel import of one interpreter: called from the head of any loop once its portion is used up. */
  onRefuel(caller: MeteredExports): void {
    const overdrawn = Math.max(0, -Number(caller.fuel.value));
    caller.fuel.value = stepsPerUnit;
    this.#refuseStopped(caller);
    if (this.#state === "armed") {
      this.#used += 1 + Math.floor(overdrawn / stepsPerUnit);
      this.#check();
    }
  }

  /** CPython's own look for signals: 0 for none. Called each 50 backward jumps of bytecode. */
  onSignalCheck(caller: MeteredExports): number {
    this.#refuseStopped(caller);
    caller.fuel.value -= stepsPerSignalCheck;
    if (this.#state === "armed") {
      this.#check();
    }
    if (!this.#interruptPending) {
      return 0;
    }
    this.#interruptPending = false;
    return interruptSignal;
  }

  #adopted(): MeteredExports {
    if (this.#exports === null) {
      throw new Error("the meter has no interpreter");
    }
    return this.#exports;
  }

  /** Keeps throwing: code that caught the first error must not go on unmetered. */
  #refuseStopped(caller: MeteredExports): void {
    if (caller !== this.#exports || this.#state === "stopped") {
      throw new HardStop(this.#reason ?? "time_limit");
    }
  }

  #check(): void {
    const now = this.#now();
    if (now >= this.#hardMs || this.#used > this.#hardFuel) {
      const stop = new HardStop(this.#reason ?? "time_limit");
      this.#reason = stop.reason;
      this.#state = "stopped";
      this.#onHardStop(stop);
      throw stop;
    }
    if (now >= this.#softMs || this.#used > this.#softFuel) {
      this.#softMs = now + repeatMs;
      this.#softFuel = this.#used + graceUnits / 2;
      this.#requestInterrupt(this.#reason ?? "time_limit");
    }
  }

  #requestInterrupt(reason: StopReason): void {
    this.#reason = reason;
    this.#interruptPending = true;
  }
}
