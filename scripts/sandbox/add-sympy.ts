// Mounts sympy in the Python sandbox: fetches it and mpmath with the machine's own pip, compiles them to bytecode and
// lists them in the manifest. `--remove` takes them out again. Needs python3 with pip and whatever index pip uses.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SandboxManifest } from "../../src/tools/python-coder/sandbox-manifest.ts";
import { ensureSandbox } from "./build.ts";
import { compilePythonZip } from "./compile-python.ts";
import { writeSandboxFile, writeSandboxManifest } from "./manifest-file.ts";
import { outputDirectory } from "./sandbox-paths.ts";

/** Pure Python both, and the pair that was tried with this interpreter. */
const packages: Readonly<Record<string, string>> = { sympy: "1.14.0", mpmath: "1.3.0" };

async function downloadWheels(directory: string): Promise<void> {
  const wanted = Object.entries(packages).map(([name, version]) => `${name}==${version}`);
  const options = ["--no-deps", "--only-binary=:all:", "--dest", directory];
  const pip = spawn("python3", ["-m", "pip", "download", ...options, ...wanted], { stdio: "inherit" });
  const [status]: unknown[] = await once(pip, "exit");
  if (status !== 0) {
    throw new Error(`pip could not download ${wanted.join(" and ")}`);
  }
}

async function makePacks(directory: string): Promise<SandboxManifest["packs"]> {
  const packs: SandboxManifest["packs"] = [];
  for (const wheel of (await readdir(directory)).toSorted()) {
    const name = wheel.split("-")[0] ?? wheel;
    const { zip, report } = await compilePythonZip(await readFile(join(directory, wheel)));
    console.log(`${name}: ${report.compiled} modules, ${(zip.length / 1e6).toFixed(1)} MB`);
    const names = { name: `${name}.bin`, module: `${name}.bin`, kind: "data" } as const;
    const file = await writeSandboxFile({ ...names, content: zip });
    packs.push({ file, contains: { [name]: packages[name] ?? "" } });
  }
  return packs;
}

async function addSympy(): Promise<void> {
  const manifest = await ensureSandbox(console.log);
  const directory = await mkdtemp(join(tmpdir(), "sandbox-packs-"));
  try {
    await downloadWheels(directory);
    await writeSandboxManifest({ ...manifest, packs: await makePacks(directory) });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  console.log("The sandbox has sympy from its next start on.");
}

async function removePacks(): Promise<void> {
  const manifest = await ensureSandbox(console.log);
  await writeSandboxManifest({ ...manifest, packs: [] });
  for (const pack of manifest.packs) {
    await rm(join(outputDirectory, pack.file.name), { force: true });
  }
  console.log("The sandbox has no packs from its next start on.");
}

if (import.meta.main) {
  await (process.argv.includes("--remove") ? removePacks() : addSympy());
}
