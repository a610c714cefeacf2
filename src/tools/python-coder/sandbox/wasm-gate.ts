// Lets Pyodide make its WebAssembly instances where no code may be compiled: the modules it wants were compiled
// beforehand, everything is synchronous, and the interpreter's imports are the meter's. Importing it replaces parts of
// the global `WebAssembly`, so it must come before Pyodide.

import pyodideWasm from "./pyodide.wasm";
import trampolineBytes from "./trampoline.bin";
import { now, startTimer, timers, watchTimers } from "./browser.ts";
import { ImportStack } from "./import-stack.ts";
import { Meter, type MeteredExports } from "./meter.ts";

const refuelImport = "emscripten_debugger";
const pauseImport = "_emscripten_runtime_keepalive_clear";
const syncifyImport = "syncifyHandler";
const signalImport = "_Py_CheckEmscriptenSignals_Helper";
const fuelExport = "__fuel";
const signalFlagExport = "Py_EMSCRIPTEN_SIGNAL_HANDLING";

export const meter = new Meter(now);
watchTimers({
  isPaused: () => meter.time.isPaused,
  onFire: (dueMs) => meter.time.wake(dueMs),
  onReturn: () => meter.time.look(),
});

/** Long enough for the event loop to serve who waits. */
const pauseMs = 1;
const others = () => new Promise<void>((resolve) => startTimer(resolve, pauseMs));
const nextTurn = (start = timers.setTimeout) => new Promise<void>((resolve) => void start(resolve));

/** Its stacks are those of one interpreter at a time: an older one is torn. */
const stack = new ImportStack({ onSuspend: () => meter.time.look(), onResume: () => meter.time.enter() });

/** What a program leaves behind never goes on, neither its timers nor the parts of it that wait. */
export function endProgram(): void {
  timers.endProgram();
  stack.endProgram();
}

/** For promises that a program settled last: what hangs on them is its own too, and has its turn while it is metered. */
export function lastTurn(): Promise<void> {
  // Until here it has computed: the wait that begins must not count that as its own.
  meter.time.look();
  endProgram();
  return nextTurn();
}

/** An import whose promise suspends the WebAssembly (JSPI), which TypeScript does not know yet. */
function suspending(work: (...args: unknown[]) => Promise<unknown>): WebAssembly.ImportValue {
  return Reflect.construct(Reflect.get(WebAssembly, "Suspending"), [work]);
}

const NativeModule = WebAssembly.Module;
const compileAtStart = (bytes: ArrayBuffer | Uint8Array): WebAssembly.Module =>
  Reflect.construct(NativeModule, [bytes]);

/** Compilation is allowed while the isolate starts, and only then. */
const emptyModule = compileAtStart(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const trampoline = compileAtStart(trampolineBytes);

function meteredExports(instance: WebAssembly.Instance, isSuspendable: () => boolean): MeteredExports {
  const fuel = instance.exports[fuelExport];
  const memory = instance.exports["memory"];
  const flag = instance.exports[signalFlagExport];
  const isMetered =
    fuel instanceof WebAssembly.Global && memory instanceof WebAssembly.Memory && flag instanceof WebAssembly.Global;
  if (!isMetered) {
    throw new Error("pyodide.wasm was not metered by scripts/sandbox/build.ts");
  }
  return { fuel, memory, signalHandlingAddress: Number(flag.value), isSuspendable };
}

/** The parts of Pyodide's own module that suspending needs. */
export interface PyodideModule {
  /** Whether Pyodide entered Python in a way that can be suspended, and no JavaScript of its own came between. */
  readonly validSuspender: { readonly value: unknown };
  /** What an import answers in place of a value; the error itself lies beside it. */
  readonly error: unknown;
  syncify_error?: unknown;
}

let pyodide: PyodideModule | null = null;
export function adoptModule(module: PyodideModule): void {
  pyodide = module;
}

/**
 * Pyodide's own suspension, for `await` and sleep, with two differences. Python goes on in a turn of the event loop of its
 * own: in the same one as the callback that woke it, that callback's last steps would run into its next pause. And it does
 * not go on when its program has ended meanwhile.
 */
async function syncify(first: unknown, second: unknown): Promise<unknown> {
  const own = timers.ofProgram();
  stack.suspend();
  let answer: () => unknown;
  try {
    const value: unknown = await (first ?? second);
    answer = () => value;
  } catch (error) {
    const module = pyodide;
    if (module === null || Object(error).pyodide_fatal_error) {
      throw error;
    }
    answer = () => {
      module.syncify_error = error;
      return module.error;
    };
  }
  await nextTurn(own);
  stack.resume();
  return answer();
}

function instantiateInterpreter(imports: WebAssembly.Imports) {
  let exports: MeteredExports | null = null;
  const env = {
    ...stack.watched(imports["env"] ?? {}, (steps) => exports !== null && meter.charge(steps)),
    [refuelImport]: () => exports !== null && meter.onRefuel(exports),
    [syncifyImport]: suspending(syncify),
    [pauseImport]: suspending(async () => exports !== null && meter.onPause(exports, others)),
    [signalImport]: () => (exports === null ? 0 : meter.onSignalCheck(exports)),
  };
  const wasi = stack.watched(
    imports["wasi_snapshot_preview1"] ?? {},
    (steps) => exports !== null && meter.charge(steps),
  );
  const instance = new WebAssembly.Instance(pyodideWasm, { ...imports, env, wasi_snapshot_preview1: wasi });
  exports = meteredExports(instance, () => stack.isPlain && Boolean(pyodide?.validSuspender.value));
  meter.adopt(exports);
  return { module: pyodideWasm, instance };
}

Object.assign(WebAssembly, {
  Module: new Proxy(NativeModule, {
    construct(target, [bytes]) {
      if (bytes.length === 8) {
        return emptyModule; // "can code be compiled here?": yes turns on stack switching, which asyncio.run needs
      }
      return bytes.length === trampolineBytes.byteLength ? trampoline : Reflect.construct(target, [bytes]);
    },
  }),
  // Pyodide starts a compilation at its top level. In the background workerd does not see it, takes the request for
  // hung and cancels about one cold start in ten.
  compile: async (bytes: Uint8Array) => compileAtStart(bytes),
  instantiate: async (source: WebAssembly.Module | Uint8Array, imports?: WebAssembly.Imports) => {
    if (source instanceof NativeModule) {
      return new WebAssembly.Instance(source, imports);
    }
    const module = compileAtStart(source);
    return { module, instance: new WebAssembly.Instance(module, imports) };
  },
  instantiateStreaming: async (_response: unknown, imports: WebAssembly.Imports) => instantiateInterpreter(imports),
});
