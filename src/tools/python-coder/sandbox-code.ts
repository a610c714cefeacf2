// Puts the code of an interpreter's isolate together from the files that the build made. Where the files come from is
// the caller's; it names no binding. A missing or foreign file is an error that says what to run.

import { unreachable } from "../../lib/unreachable.ts";
import type { RunnerEnv } from "./sandbox/job.ts";
import { mainModule, manifestName, SandboxManifest, type SandboxFile } from "./sandbox-manifest.ts";

/** Answers with the file of that name under assets/sandbox/. */
export type FetchSandboxFile = (name: string) => Promise<Response>;

/** The part of the Worker Loader's worker code that is ours to say. */
export interface SandboxCode {
  readonly compatibilityDate: string;
  readonly mainModule: string;
  readonly modules: Record<string, SandboxModule>;
  readonly env: RunnerEnv;
  /** No network whatever the program does. */
  readonly globalOutbound: null;
}

type SandboxModule = { js: string } | { text: string } | { data: ArrayBuffer } | { wasm: ArrayBuffer };

/** One that Pyodide was measured with, and no nodejs_compat: where `process` exists Pyodide takes itself for Node. */
const compatibilityDate = "2025-06-01";

async function open(fetchFile: FetchSandboxFile, name: string): Promise<Response> {
  const response = await fetchFile(name);
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`sandbox file ${name} is missing (${response.status}): npm run sandbox:build makes it`);
  }
  return response;
}

export async function readManifest(fetchFile: FetchSandboxFile): Promise<SandboxManifest> {
  const response = await open(fetchFile, manifestName);
  return SandboxManifest.parse(await response.json());
}

async function toModule(file: SandboxFile, response: Response): Promise<SandboxModule> {
  switch (file.kind) {
    case "js":
      return { js: await response.text() };
    case "text":
      return { text: await response.text() };
    case "data":
      return { data: await response.arrayBuffer() };
    case "wasm":
      return { wasm: await response.arrayBuffer() };
    default:
      return unreachable(file.kind);
  }
}

export async function loadSandboxCode(manifest: SandboxManifest, fetchFile: FetchSandboxFile): Promise<SandboxCode> {
  const files = [...manifest.files, ...manifest.packs.map((pack) => pack.file)];
  const modules: Record<string, SandboxModule> = {};
  // One after another: a Worker has few connections, and each body is read whole before the next.
  for (const file of files) {
    modules[file.module] = await toModule(file, await open(fetchFile, file.name));
  }
  return {
    compatibilityDate,
    mainModule,
    modules,
    env: { lockInfo: manifest.lockInfo, packs: manifest.packs.map((pack) => pack.file.module) },
    globalOutbound: null,
  };
}
