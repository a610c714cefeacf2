// Makes the sandbox's files from the npm package and the runner's sources, in memory. Each has the module name that
// the runner imports it by.

import { readdir, readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { SandboxFile } from "../../src/tools/python-coder/sandbox-manifest.ts";
import { compilePythonZip } from "./compile-python.ts";
import { meterWasm } from "./meter-wasm.ts";
import { pyodideDirectory, runnerDirectory } from "./sandbox-paths.ts";

export type NewFile = Pick<SandboxFile, "name" | "module" | "kind"> & { readonly content: Uint8Array };

/**
 * A deployed isolate has 128 MB for everything. The interpreter starts with 31; 96 leave the rest for JavaScript,
 * the compiled code and the in-memory files.
 */
export const maxMemoryMib = 96;

function textFile(name: string, module: string, kind: "js" | "text", text: string): NewFile {
  return { name, module, kind, content: new TextEncoder().encode(text) };
}

/** The runner's modules, types stripped; their imports of each other name `.js`. */
async function runnerModules(): Promise<NewFile[]> {
  const names = (await readdir(runnerDirectory)).toSorted();
  const files: NewFile[] = [];
  for (const name of names.filter((candidate) => !candidate.endsWith(".d.ts"))) {
    const source = await readFile(join(runnerDirectory, name), "utf8");
    if (name.endsWith(".ts")) {
      const scriptName = name.replace(/\.ts$/, ".js");
      const script = stripTypeScriptTypes(source).replaceAll(/(from|import) "(\.\/[^"]+)\.ts"/g, '$1 "$2.js"');
      files.push(textFile(scriptName, scriptName, "js", script));
    } else {
      files.push(textFile(name, name, "text", source));
    }
  }
  return files;
}

/** A small module that Pyodide compiles when it calls C functions; here it must be compiled beforehand. */
function trampolineOf(asmModule: string): Uint8Array {
  const hex = /hexStringToUTF8Array\("([0-9a-f]+)"\)/.exec(asmModule)?.[1];
  if (hex === undefined) {
    throw new Error(
      "this pyodide keeps its call trampoline elsewhere: look at getWasmTrampolineModule in pyodide.asm.mjs",
    );
  }
  return Buffer.from(hex, "hex");
}

export async function makeSandboxFiles(): Promise<NewFile[]> {
  const read = (name: string) => readFile(join(pyodideDirectory, name));
  const asmModule = await read("pyodide.asm.mjs");
  const metered = meterWasm(await read("pyodide.asm.wasm"), {
    // Two imports that CPython does not call.
    refuelImport: "emscripten_debugger",
    pauseImport: "_emscripten_runtime_keepalive_clear",
    fuelExport: "__fuel",
    maxMemoryMib,
  });
  const stdlib = await compilePythonZip(await read("python_stdlib.zip"));
  if (stdlib.report.refused.length > 0) {
    throw new Error(`the standard library does not compile: ${stdlib.report.refused.join(", ")}`);
  }
  return [
    { name: "pyodide.wasm", module: "pyodide.wasm", kind: "wasm", content: metered.bytes },
    { name: "stdlib.bin", module: "stdlib.bin", kind: "data", content: stdlib.zip },
    {
      name: "trampoline.bin",
      module: "trampoline.bin",
      kind: "data",
      content: trampolineOf(asmModule.toString("utf8")),
    },
    { name: "pyodide.asm.mjs", module: "pyodide/pyodide.asm.mjs", kind: "js", content: asmModule },
    { name: "pyodide.mjs", module: "pyodide", kind: "js", content: await read("pyodide.mjs") },
    ...(await runnerModules()),
  ];
}
