// One CPython: boots Pyodide from the isolate's own files and runs one program at a time under the meter. An
// interpreter that was stopped hard, or that ended itself, is torn; it refuses further programs.

import { closeAfterBoot, fakeOrigin, openForBoot, startTimer, stopTimer } from "./browser.ts";
import { adoptModule, endProgram, lastTurn, meter } from "./wasm-gate.ts";
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import { loadPyodide, type PyodideAPI } from "pyodide";
import prelude from "./prelude.py";
import { limitFiles } from "./file-quota.ts";
import type { ProgramLimits, RunnerEnv } from "./job.ts";
import { HardStop, type MeterReading } from "./meter.ts";
import type { Output } from "./output.ts";
import { watchWait } from "./watch-wait.ts";

/** Bytes of files that the programs of one run may write. */
const maxFileBytes = 16 * 1024 * 1024;
/** A copied byte costs JavaScript about as much as this part of a metered step. */
const stepsPerWrittenByte = 1 / 64;
/** What a program that merely waits has beyond its limit: the meter's interrupt comes first, where anything computes. */
const waitGraceMs = 700;
const maxDetail = 500;

/** What prelude.py answers. */
interface ProgramEnd {
  readonly end: "completed" | "raised" | "memory_limit";
  readonly value: string | null;
  readonly traceback: string | null;
  readonly cut: boolean;
}

export type ProgramResult = (ProgramEnd | { readonly end: "torn"; readonly detail: string }) & {
  readonly meter: MeterReading;
};

function startStoppable(callback: () => void, delayMs: number): () => void {
  const timer = startTimer(callback, delayMs);
  return () => stopTimer(timer);
}

type PythonFunction = ReturnType<PyodideAPI["globals"]["get"]>;

export class Interpreter {
  readonly name: string;
  readonly #beginRun: PythonFunction;
  readonly #runProgram: PythonFunction;
  readonly #sinks: { output: Output | null };
  #fatal: (error: unknown) => void = () => undefined;
  #isTorn = false;

  private constructor(python: PyodideAPI, sinks: { output: Output | null }) {
    const scope = python.toPy({ __name__: "_sandbox" });
    python.runPython(prelude, { globals: scope, filename: "<sandbox>" });
    this.#beginRun = scope.get("begin_run");
    this.#runProgram = scope.get("run_program");
    this.#sinks = sinks;
    this.name = `cpython-${python.runPython("import sys; sys.version.split()[0]")}/pyodide-${python.version}`;
    // Stack overflow, abort() and os._exit(): told at once, instead of at the time limit.
    Object.assign(Reflect.get(python, "_api"), { on_fatal: (error: unknown) => this.#fatal(error) });
    adoptModule(Reflect.get(python, "_module"));
  }

  static async boot(env: RunnerEnv, packs: ReadonlyMap<string, ArrayBuffer>): Promise<Interpreter> {
    const sinks: { output: Output | null } = { output: null };
    openForBoot();
    try {
      const python = await loadPyodide({
        createPyodideModule,
        indexURL: fakeOrigin,
        packageBaseUrl: fakeOrigin,
        lockFileContents: JSON.stringify({ info: env.lockInfo, packages: {} }),
        // Bare: with globalThis a program could replace Date.now and so disarm the meter.
        jsglobals: Object.create(null),
        stdin: () => null,
        env: { PYTHONHASHSEED: "0", HOME: "/home/python" },
        fsInit: async (files) => {
          for (const [name, bytes] of packs) {
            files.writeFile(`/lib/${name}`, new Uint8Array(bytes), { canOwn: true });
          }
        },
      });
      const write = (bytes: Uint8Array): number => {
        sinks.output?.write(bytes);
        return bytes.length;
      };
      python.setStdout({ write, isatty: false });
      python.setStderr({ write, isatty: false });
      for (const name of packs.keys()) {
        python.runPython("import sys; sys.path.append(path)", { locals: python.toPy({ path: `/lib/${name}` }) });
      }
      const pipe = Number(python.runPython("import os; pipe = os.pipe(); pipe[1]"));
      limitFiles(python.FS, pipe, maxFileBytes, { onWrite: (bytes) => meter.charge(bytes * stepsPerWrittenByte) });
      python.runPython("os.close(pipe[0]); os.close(pipe[1])");
      return new Interpreter(python, sinks);
    } finally {
      closeAfterBoot();
    }
  }

  get isTorn(): boolean {
    return this.#isTorn;
  }

  /** Gives the next programs fresh variables. */
  beginRun(runId: string): void {
    this.#beginRun(runId);
  }

  /** Runs the `number`th program of the run. Never rejects: what ends the interpreter is a value too. */
  async run(code: string, number: number, limits: ProgramLimits, output: Output): Promise<ProgramResult> {
    const { promise: stopped, reject: stop } = Promise.withResolvers<never>();
    this.#fatal = stop;
    this.#sinks.output = output;
    meter.arm(limits, stop);
    const stopWatching = watchWait({
      maxWaitMs: limits.waitMs + waitGraceMs,
      waitedMs: () => meter.time.waitedMs,
      startTimer: startStoppable,
      onTooLong: () => meter.stop("time_limit"),
    });
    try {
      const answer = await Promise.race([this.#runProgram.callPromising(code, number), stopped]);
      await Promise.race([lastTurn(), stopped]);
      const ended: ProgramEnd = JSON.parse(String(answer));
      return { ...ended, meter: meter.disarm() };
    } catch (error) {
      this.#isTorn = true;
      const detail = (error instanceof Error ? error.message : String(error)).slice(-maxDetail);
      const reading = meter.disarm();
      return {
        end: "torn",
        detail,
        meter: { ...reading, reason: error instanceof HardStop ? error.reason : reading.reason },
      };
    } finally {
      stopWatching();
      endProgram();
      this.#fatal = () => undefined;
      this.#sinks.output = null;
    }
  }
}
