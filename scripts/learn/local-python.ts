// Python for runs without a server: Pyodide in this process, behind the port that the service's sandbox serves. It
// isolates nothing and limits nothing, so it runs the offline engine's own programs and no others.

import { loadPyodide } from "pyodide";
import { ok } from "../../src/lib/result.ts";
import type { PythonSandbox } from "../../src/tools/python-coder/python-sandbox.ts";
import type { SandboxAnswer } from "../../src/tools/python-coder/sandbox-answer.ts";

/** A study runs some ten thousand different programs an iteration's groups share; far more than that is not worth keeping. */
const maxKept = 50_000;

export async function createLocalPython(): Promise<PythonSandbox> {
  const pyodide = await loadPyodide();
  const lines: string[] = [];
  pyodide.setStdout({ batched: (line) => lines.push(line) });
  const seen = new Map<string, SandboxAnswer>();

  const execute = (code: string): SandboxAnswer => {
    lines.length = 0;
    const names = pyodide.toPy({ __name__: "__main__" });
    let traceback: string | null = null;
    try {
      pyodide.runPython(code, { globals: names });
    } catch (error) {
      traceback = String(error);
    } finally {
      names.destroy();
    }
    const stdout = lines.map((line) => `${line}\n`).join("");
    const end = traceback === null ? "completed" : "raised";
    const spent = { fuel: 0, heapBytes: 0, bootMs: 0, runMs: 0, computedMs: 0, waitedMs: 0, replayed: 0 };
    return { end, detail: "", stdout, value: null, traceback, cut: false, interpreter: "pyodide", ...spent };
  };

  return {
    run({ code }) {
      // The engine's programs use no names of earlier ones and draw no chance, so the same text prints the same.
      const known = seen.get(code);
      const answer = known ?? execute(code);
      if (known === undefined) {
        if (seen.size >= maxKept) {
          seen.clear();
        }
        seen.set(code, answer);
      }
      return Promise.resolve(ok(answer));
    },
  };
}
