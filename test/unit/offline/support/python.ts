// Runs Python programs in Pyodide, in plain Node, and gives results in the shape of the `python_coder` tool. One
// interpreter a test file; `newRun` empties its names, as each run starts without any.

import { loadPyodide } from "pyodide";

export interface PythonResult {
  readonly stdout: string;
  readonly traceback: string | null;
}

export interface Python {
  run(code: string): PythonResult;
  newRun(): void;
}

export async function startPython(): Promise<Python> {
  const lines: string[] = [];
  const pyodide = await loadPyodide();
  pyodide.setStdout({ batched: (line) => lines.push(line) });
  let names = pyodide.toPy({ __name__: "__main__" });
  return {
    run(code) {
      lines.length = 0;
      try {
        pyodide.runPython(code, { globals: names });
        return { stdout: lines.map((line) => `${line}\n`).join(""), traceback: null };
      } catch (error) {
        return { stdout: lines.map((line) => `${line}\n`).join(""), traceback: String(error) };
      }
    },
    newRun() {
      names = pyodide.toPy({ __name__: "__main__" });
    },
  };
}
