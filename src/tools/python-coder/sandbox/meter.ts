// Stops a program that will not stop: the metered WebAssembly calls in here from the heads of its loops, and here
// fuel and time are compared with the limits. First comes KeyboardInterrupt, then an error thrown through the
// interpreter, which is lost by that. It also says when a program that computes should let others run. It knows
// nothing of Pyodide beyond its imports and exports.

import type { ProgramLimits } from "./job.ts";
import { ProgramTime } from "./program-time.ts";

/** Metered steps between two looks at the limits: some milliseconds. One such portion is one unit of `maxFuel`. */
const stepsPerUnit = 1 << 20;
/**
 * What 50 backward jumps or calls of bytecode burn besides: CPython's evaluation loop is a switch, which the metering
 * cannot weigh. With this, most Python code burns 300 to 800 units a second, near to what C code does.
 */
const stepsPerSignalCheck = 512;
/** The grace from the first KeyboardInterrupt to the hard stop: an eighth of the budget, at least this much fuel. */
const graceUnits = 50;
/** What CPython takes as the number of a pending signal: SIGINT. */
const interruptSignal = 2;
/** A fuel below zero after the refuelling is the sign for a pause. */
const pauseSign = -1;

/** `overloaded`: the program computed for long and burned little, so that it was the machine that was slow. */
export type StopReason = "time_limit" | "output_limit" | "overloaded" | "cancelled";

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

/** What a metered interpreter shows to the meter. */
export interface MeteredExports {
  readonly fuel: WebAssembly.Global;
  readonly memory: WebAssembly.Memory;
  /** Address of the byte that makes CPython look for signals. */
  readonly signalHandlingAddress: number;
  /** Whether everything on the stack can be suspended now, and nothing else is. */
  readonly isSuspendable: () => boolean;
}

type State = "idle" | "armed" | "stopped";

export class Meter {
  readonly #time: ProgramTime;
  #exports: MeteredExports | null = null;
  #state: State = "idle";
  #reason: StopReason | null = null;
  #interruptPending = false;
  #used = 0;
  #waitMs = 0;
  #timeMs = 0;
  #softFuel = 0;
  #hardFuel = 0;
  #onHardStop: (stop: HardStop) => void = () => undefined;

  constructor(now: () => number) {
    this.#time = new ProgramTime(now);
  }

  get time(): ProgramTime {
    return this.#time;
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
    this.#time.start();
    this.#timeMs = limits.timeMs;
    this.#waitMs = limits.waitMs;
    this.#softFuel = limits.maxFuel;
    this.#hardFuel = limits.maxFuel + Math.max(graceUnits, limits.maxFuel / 8);
    this.#used = 0;
    this.#reason = null;
    this.#interruptPending = false;
    this.#onHardStop = onHardStop;
    this.#state = "armed";
  }

  disarm(): MeterReading {
    if (this.#state === "armed") {
      this.#time.look(); // it has just ended by itself
    }
    this.#state = this.#state === "stopped" ? "stopped" : "idle";
    this.#interruptPending = false;
    return { fuel: this.#used, reason: this.#reason };
  }

  /** Asks the running program to end, and ends it if it does not. */
  interrupt(reason: StopReason): void {
    if (this.#state !== "armed" || this.#reason !== null) {
      return;
    }
    this.#softFuel = this.#used + graceUnits / 2;
    this.#hardFuel = this.#used + graceUnits;
    this.#requestInterrupt(reason);
  }

  /** Ends the running program where it stands, be it computing, paused or waiting. */
  stop(reason: StopReason): void {
    if (this.#state === "armed") {
      this.#stopHard(reason);
    }
  }

  /** Burns fuel for work done in JavaScript on the program's behalf. */
  charge(steps: number): void {
    this.#adopted().fuel.value -= steps;
  }

  get heapBytes(): number {
    return this.#exports?.memory.buffer.byteLength ?? 0;
  }

  /**
   * The refuel import of one interpreter: called from the head of any loop once its portion is used up. If it leaves
   * the fuel below zero, the WebAssembly calls the pause import next.
   */
  onRefuel(caller: MeteredExports): void {
    const overdrawn = Math.max(0, -Number(caller.fuel.value));
    caller.fuel.value = stepsPerUnit;
    this.#refuseStopped(caller);
    if (this.#state !== "armed") {
      return;
    }
    const units = 1 + Math.floor(overdrawn / stepsPerUnit);
    this.#used += units;
    this.#check();
    if (this.#time.isPauseDue(units) && caller.isSuspendable()) {
      caller.fuel.value = pauseSign;
    }
  }

  /** The pause import: the program stands still until `others` had their turn. */
  async onPause(caller: MeteredExports, others: () => Promise<void>): Promise<void> {
    this.#time.pause();
    await others();
    this.#time.resume();
    caller.fuel.value = stepsPerUnit;
    this.#refuseStopped(caller);
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
    this.#time.look();
    if (this.#used > this.#hardFuel) {
      throw this.#stopHard(this.#reason ?? "time_limit");
    }
    if (this.#time.computedMs >= this.#timeMs) {
      throw this.#stopHard(this.#reason ?? "overloaded");
    }
    if (this.#used > this.#softFuel) {
      this.#softFuel = this.#used + graceUnits / 2;
      this.#requestInterrupt(this.#reason ?? "time_limit");
    } else if (this.#reason === null && this.#time.waitedMs >= this.#waitMs) {
      this.interrupt("time_limit");
    }
  }

  #stopHard(reason: StopReason): HardStop {
    const stop = new HardStop(reason);
    this.#reason = reason;
    this.#state = "stopped";
    this.#onHardStop(stop);
    return stop;
  }

  #requestInterrupt(reason: StopReason): void {
    this.#reason = reason;
    this.#interruptPending = true;
  }
}
