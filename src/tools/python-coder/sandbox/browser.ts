// The few things of a browser that Pyodide's loader asks for, without a network behind them, and timers that never
// fire into a paused program. Importing it changes globals, so it must come before Pyodide. `fetch` answers one name
// during a boot and refuses everything otherwise.

import stdlib from "./stdlib.bin";

/** A name only: nothing listens there, and nothing outside is reachable anyway. */
export const fakeOrigin = "http://pyodide.local/";

// Taken before a program could reach them.
export const startTimer = setTimeout;
export const stopTimer = clearTimeout;

const timers = { isPaused: () => false, onFire: (): void => undefined };

/** `isPaused`: callbacks wait while it says so. `onFire` is told before each. */
export function watchTimers(hooks: typeof timers): void {
  Object.assign(timers, hooks);
}

/** How soon a timer looks again that is due during a pause. */
const pausedLookMs = 1;

function setGatedTimeout(callback: () => unknown, delayMs?: number): unknown {
  // The callback may enter the interpreter, whose stack belongs to the paused program alone.
  const fire = (): void => {
    if (timers.isPaused()) {
      startTimer(fire, pausedLookMs);
      return;
    }
    timers.onFire();
    callback();
  };
  return startTimer(fire, delayMs);
}

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
  setTimeout: setGatedTimeout,
  // Pyodide would send itself messages in place of timers.
  MessageChannel: undefined,
  FinalizationRegistry: NoFinalizers,
});

const { log, warn, error } = console;
const silent = (): void => undefined;

export function openForBoot(): void {
  Object.assign(globalThis, { fetch: bootFetch });
  Object.assign(console, { log, warn, error });
}

/** A boot's complaints reach the host's log; what a program provokes later is in its answer, not in anybody's log. */
export function closeAfterBoot(): void {
  Object.assign(globalThis, { fetch: offline });
  Object.assign(console, { log: silent, warn: silent, error: silent });
}
