// The Python that tests the trainers' package: a virtual environment outside of version control with what the package
// needs from the Python registry, and the package itself as a trainer would install it. Where that cannot be made it
// says what is missing; torch is not fetched, for its wheel is larger than everything else here.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "scripts/trainer-python");
const cache = join(root, "node_modules/.cache/trainer-python");
const venv = join(cache, "venv");
const python = join(venv, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
const stamp = join(cache, "installed");
/** A registry that does not answer must not hold up the tests for longer. */
const installMs = 600_000;

/** What it printed; ends this script where it fails. */
function run(what: string, command: string, args: readonly string[]): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: installMs });
  if (status !== 0) {
    console.error(`The Python package was not tested, for ${what} failed:`);
    console.error(error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-8).join("\n"));
    process.exit(1);
  }
  return stdout;
}

function pip(what: string, args: readonly string[]): void {
  run(what, python, ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", ...args]);
}

/** Dependencies stay as long as pyproject.toml and Python's own version do. */
function install(): void {
  const named = process.env["PYTHON"] ?? "";
  const command = named === "" ? "python3" : named;
  const version = run(`asking ${command} for its version`, command, ["--version"]);
  const wanted = createHash("sha256")
    .update(readFileSync(join(source, "pyproject.toml")))
    .update(version)
    .digest("hex");
  const isInstalled = existsSync(python) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  // Built from a copy, because a build leaves folders beside its sources; and without those of a build that a reader of
  // docs/training.md made, for setuptools would install from them what has changed since.
  const copy = join(cache, "source");
  rmSync(copy, { recursive: true, force: true });
  cpSync(source, copy, { recursive: true, filter: (path) => !/[\\/]build$|\.egg-info$/.test(path) });
  if (isInstalled) {
    pip("installing the package", ["--no-deps", "--no-build-isolation", "--force-reinstall", copy]);
    return;
  }
  rmSync(venv, { recursive: true, force: true });
  run("making a virtual environment (Debian: apt-get install python3-venv)", command, ["-m", "venv", venv]);
  pip("installing its build tool", ["setuptools>=68"]);
  pip("installing the package with pyarrow, numpy and datasets", ["--no-build-isolation", `${copy}[datasets]`]);
  writeFileSync(stamp, wanted);
}

mkdirSync(cache, { recursive: true });
install();
const { status } = spawnSync(python, ["-c", "import torch"], { stdio: "ignore" });
console.log(
  status === 0 ? "torch is there: its tensors are tested too." : "No torch here: tensors are tested as NumPy's.",
);
