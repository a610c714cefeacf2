// The few things of a browser that Pyodide's loader asks for, without a network behind them, and timers that fire
// neither into a paused program nor after their own. Importing it changes globals, so it must come before Pyodide. `fetch`
// answers one name during a boot and refuses everything otherwise.

import { GatedTimers, type TimerHooks } from "./gated-timers.ts";
import stdlib from "./stdlib.bin";

/** A name only: nothing listens there, and nothing outside is reachable anyway. */
export const fakeOrigin = "http://pyodide.local/";

// Taken before a program could reach them.
export const startTimer = setTimeout;
export const stopTimer = clearTimeout;

export const now = Date.now.bind(Date);

const nothing = (): void => undefined;
const timerHooks: TimerHooks = { now, isPaused: () => false, onFire: nothing, onReturn: nothing };

export function watchTimers(hooks: Omit<TimerHooks, "now">): void {
  Object.assign(timerHooks, hooks);
}

// workerd's own takes no `this`.
export const timers = new GatedTimers((callback, delayMs) => startTimer(callback, delayMs), timerHooks);

/** One that forgets: a finalizer would enter the interpreter at any time, and all memory ends with it anyway. */
class NoFinalizers {
  register(): void {
    // Nothing is kept.
  }
  unregister(): void {
    // Nothing was kept.
  }
}

const offline = async (): Promise<Response> => {
  throw new Error("the network is off");
};

const bootFetch = async (url: unknown): Promise<Response> => {
  switch (String(url)) {
    case `${fakeOrigin}python_stdlib.zip`:
      return new Response(stdlib);
    case `${fakeOrigin}pyodide.asm.wasm`:
      return new Response(""); // wasm-gate.ts has the compiled module
    default:
      return offline();
  }
};

Object.assign(globalThis, {
  addEventListener: () => undefined, // workerd's own refuses useCapture
  location: new URL(fakeOrigin),
  fetch: offline,
  setTimeout: timers.setTimeout,
  // Nothing asks for it, and it would fire into pauses and into later programs.
  setInterval: undefined,
  // Pyodide would send itself messages in place of timers.
  MessageChannel: undefined,
  FinalizationRegistry: NoFinalizers,
});

const { log, warn, error } = console;

export function openForBoot(): void {
  Object.assign(globalThis, { fetch: bootFetch });
  Object.assign(console, { log, warn, error });
}

/** A boot's complaints reach the host's log; what a program provokes later is in its answer, not in anybody's log. */
export function closeAfterBoot(): void {
  Object.assign(globalThis, { fetch: offline });
  Object.assign(console, { log: nothing, warn: nothing, error: nothing });
}
