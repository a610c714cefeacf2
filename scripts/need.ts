// `node scripts/need.ts <program>`: stops with a sentence where an extra check lacks what it needs.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const programs: Readonly<Record<string, { variable: string; install: string }>> = {
  python3: { variable: "PYTHON", install: "apt-get install python3-venv, or set PYTHON to a Python from 3.10 on" },
  chromium: { variable: "CHROMIUM", install: "apt-get install chromium, or set CHROMIUM to a Chromium or Chrome" },
};

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

const name = process.argv[2] ?? "";
const program = programs[name];
if (program === undefined) {
  console.error(`usage: node scripts/need.ts <${Object.keys(programs).join("|")}>`);
  process.exit(2);
}
const named = process.env[program.variable] ?? "";
const found =
  named === ""
    ? (process.env["PATH"] ?? "").split(delimiter).some((folder) => isExecutable(join(folder, name)))
    : isExecutable(named);
if (!found) {
  console.error(`This check needs ${name}, which is not on this machine: ${program.install}.`);
  process.exit(1);
}
