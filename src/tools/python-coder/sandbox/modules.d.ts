// What the runner imports besides TypeScript. The Worker Loader gives each of these names a module made by the build
// (scripts/sandbox/build.ts); the types of "pyodide" itself come from the npm package.

declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

declare module "*.bin" {
  const bytes: ArrayBuffer;
  export default bytes;
}

declare module "*.py" {
  const text: string;
  export default text;
}

declare module "pyodide/pyodide.asm.mjs" {
  import type { loadPyodide } from "pyodide";
  type Options = NonNullable<Parameters<typeof loadPyodide>[0]>;
  const createPyodideModule: NonNullable<Options["createPyodideModule"]>;
  export default createPyodideModule;
}
