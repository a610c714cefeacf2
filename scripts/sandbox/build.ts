// Prepares the Python sandbox's files in assets/sandbox/ from the npm package `pyodide`: run by npm's postinstall, and
// by start and test when something changed. It needs no network and does nothing when the files are up to date.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { SandboxManifest } from "../../src/tools/python-coder/sandbox-manifest.ts";
import { readSandboxManifest, removeSandboxManifest, writeSandboxFile, writeSandboxManifest } from "./manifest-file.ts";
import { makeSandboxFiles, maxMemoryMib } from "./sandbox-files.ts";
import { pyodideDirectory } from "./sandbox-paths.ts";
import { sandboxStamp } from "./stamp.ts";

const LockFile = z.object({ info: z.record(z.string(), z.string()) });
const Package = z.object({ version: z.string() });

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(pyodideDirectory, name), "utf8"));
}

/** Builds when outputs are missing or stale; answers with the manifest in force. Mounted packs stay. */
export async function ensureSandbox(log: (line: string) => void): Promise<SandboxManifest> {
  const stamp = await sandboxStamp();
  const present = await readSandboxManifest();
  if (present?.stamp === stamp) {
    return present;
  }
  const { info } = LockFile.parse(await readJson("pyodide-lock.json"));
  const pyodide = Package.parse(await readJson("package.json")).version;
  const startedAt = performance.now();
  log("Preparing the Python sandbox (once after each install) ...");
  const made = await makeSandboxFiles();
  await removeSandboxManifest();
  const files = [];
  for (const file of made) {
    files.push(await writeSandboxFile(file));
  }
  const manifest: SandboxManifest = {
    version: 1,
    stamp,
    pyodide,
    python: info["python"] ?? "unknown",
    maxMemoryMib,
    lockInfo: info,
    files,
    // Bytecode fits one version of the interpreter only.
    packs: present?.pyodide === pyodide ? present.packs : [],
  };
  await writeSandboxManifest(manifest);
  log(`Python ${manifest.python} is ready, ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
  return manifest;
}

if (import.meta.main) {
  await ensureSandbox(console.log);
}
