// Reads and writes the sandbox's files with their manifest. The manifest is written last, so a build that was broken
// off is a build that is missing.

import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { manifestName, SandboxManifest, type SandboxFile } from "../../src/tools/python-coder/sandbox-manifest.ts";
import type { NewFile } from "./sandbox-files.ts";
import { outputDirectory } from "./sandbox-paths.ts";

async function isPresent(file: SandboxFile): Promise<boolean> {
  const found = await stat(join(outputDirectory, file.name)).catch(() => null);
  return found?.size === file.bytes;
}

/** Null when there is none, one of another version, or one whose files are not all there. */
export async function readSandboxManifest(): Promise<SandboxManifest | null> {
  const text = await readFile(join(outputDirectory, manifestName), "utf8").catch(() => null);
  const parsed = text === null ? null : SandboxManifest.safeParse(JSON.parse(text));
  if (parsed?.success !== true) {
    return null;
  }
  const files = [...parsed.data.files, ...parsed.data.packs.map((pack) => pack.file)];
  const present = await Promise.all(files.map(isPresent));
  return present.every(Boolean) ? parsed.data : null;
}

/** Whole or not at all, also when two builds run at once. */
async function replaceFile(name: string, content: Uint8Array | string): Promise<void> {
  const path = join(outputDirectory, name);
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, content);
  await rename(draft, path);
}

export async function writeSandboxFile(file: NewFile): Promise<SandboxFile> {
  const { content, ...names } = file;
  await mkdir(outputDirectory, { recursive: true });
  await replaceFile(file.name, content);
  return { ...names, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };
}

export async function writeSandboxManifest(manifest: SandboxManifest): Promise<void> {
  await replaceFile(manifestName, `${JSON.stringify(manifest, null, 2)}\n`);
}

export async function removeSandboxManifest(): Promise<void> {
  await rm(join(outputDirectory, manifestName), { force: true });
}
