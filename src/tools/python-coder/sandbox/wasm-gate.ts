// Lets Pyodide make its WebAssembly instances where no code may be compiled: the modules it wants were compiled
// beforehand, everything is synchronous, and the interpreter's imports are the meter's. Importing it replaces parts of
// the global `WebAssembly`, so it must come before Pyodide.

import pyodideWasm from "./pyodide.wasm";
import trampolineBytes from "./trampoline.bin";
import { Meter, type MeteredExports } from "./meter.ts";

const refuelImport = "emscripten_debugger";
const signalImport = "_Py_CheckEmscriptenSignals_Helper";
const fuelExport = "__fuel";
const signalFlagExport = "Py_EMSCRIPTEN_SIGNAL_HANDLING";

/** Taken before any program could replace it. */
export const now = Date.now.bind(Date);
export const meter = new Meter(now);

const NativeModule = WebAssembly.Module;
const compileAtStart = (bytes: ArrayBuffer | Uint8Array): WebAssembly.Module =>
  Reflect.construct(NativeModule, [bytes]);

/** Compilation is allowed while the isolate starts, and only then. */
const emptyModule = compileAtStart(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const trampoline = compileAtStart(trampolineBytes);

function meteredExports(instance: WebAssembly.Instance): MeteredExports {
  const fuel = instance.exports[fuelExport];
  const memory = instance.exports["memory"];
  const flag = instance.exports[signalFlagExport];
  const isMetered =
    fuel instanceof WebAssembly.Global && memory instanceof WebAssembly.Memory && flag instanceof WebAssembly.Global;
  if (!isMetered) {
    throw new Error("pyodide.wasm was not metered by scripts/sandbox/build.ts");
  }
  return { fuel, memory, signalHandlingAddress: Number(flag.value) };
}

function instantiateInterpreter(imports: WebAssembly.Imports) {
  let exports: MeteredExports | null = null;
  const env = {
    ...imports["env"],
    [refuelImport]: () => exports !== null && meter.onRefuel(exports),
    [signalImport]: () => (exports === null ? 0 : meter.onSignalCheck(exports)),
  };
  const instance = new WebAssembly.Instance(pyodideWasm, { ...imports, env });
  exports = meteredExports(instance);
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
