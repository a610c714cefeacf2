// What the build of the sandbox writes beside its files, and what the Worker reads to put an isolate together.

import * as z from "zod";

export const SandboxFile = z.strictObject({
  /** Under assets/sandbox/. */
  name: z.string(),
  /** The name that the runner's modules import it by. */
  module: z.string(),
  kind: z.enum(["js", "wasm", "data", "text"]),
  bytes: z.int(),
  sha256: z.string(),
});
export type SandboxFile = z.infer<typeof SandboxFile>;

export const SandboxManifest = z.strictObject({
  version: z.literal(1),
  /** Changes with pyodide's version, the build scripts and the runner's sources. */
  stamp: z.string(),
  pyodide: z.string(),
  python: z.string(),
  maxMemoryMib: z.int(),
  /** `info` of pyodide-lock.json. */
  lockInfo: z.record(z.string(), z.string()),
  files: z.array(SandboxFile),
  /** Zips of optional packages and what is in them. */
  packs: z.array(z.strictObject({ file: SandboxFile, contains: z.record(z.string(), z.string()) })),
});
export type SandboxManifest = z.infer<typeof SandboxManifest>;

export const manifestName = "manifest.json";
export const mainModule = "runner.js";
