// The few things of a browser that Pyodide's loader asks for, without a network behind them. Importing it changes
// globals, so it must come before Pyodide. `fetch` answers one name during a boot and refuses everything otherwise.

import stdlib from "./stdlib.bin";

/** A name only: nothing listens there, and nothing outside is reachable anyway. */
export const fakeOrigin = "http://pyodide.local/";

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
