// Runs the Python that `scripts/python-env.ts` has made, with the package installed in it.

import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const bin = resolve(import.meta.dirname, "../../node_modules/.cache/trainer-python/venv/bin");
export const python = join(bin, "python");

export interface PythonOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** What it printed, both streams; rejects with all of it where it ends badly. */
export async function runPython(args: readonly string[], options: PythonOptions): Promise<string> {
  return runProgram(python, args, options);
}

/** A shell in which `python` and `agentflow-data` are those of the environment. */
export async function runShell(script: string, options: PythonOptions): Promise<string> {
  const path = `${bin}:${process.env["PATH"] ?? ""}`;
  return runProgram("sh", ["-e", "-c", script], { ...options, env: { PATH: path, ...options.env } });
}

async function runProgram(file: string, args: readonly string[], { cwd, env }: PythonOptions): Promise<string> {
  // Nothing is to be left beside the sources.
  const clean = { PYTHONDONTWRITEBYTECODE: "1", AGENTFLOW_API_KEY: "", AGENTFLOW_URL: "" };
  const options = { cwd, env: { ...process.env, ...clean, ...env }, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 };
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...args], options);
    return `${stdout}${stderr}`;
  } catch (error) {
    const { stdout = "", stderr = "" } = Object(error);
    throw new Error(`${file} failed:\n${stdout}${stderr}`, { cause: error });
  }
}
