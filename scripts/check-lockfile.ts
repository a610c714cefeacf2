// Refuses a lock file that would break `npm ci` on another machine: npm drops the native packages of other
// platforms without a word when it cannot find them, and records the registry it happened to use.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

const Lockfile = z.looseObject({ packages: z.record(z.string(), z.looseObject({ resolved: z.string().optional() })) });

const lockfile = Lockfile.parse(JSON.parse(readFileSync(join(import.meta.dirname, "../package-lock.json"), "utf8")));
const names = Object.keys(lockfile.packages);

/** One package of each family that ships a binary per platform, on the platforms of our colleagues. */
const needed = [
  "@cloudflare/workerd-darwin-64",
  "@cloudflare/workerd-darwin-arm64",
  "@cloudflare/workerd-linux-64",
  "@cloudflare/workerd-linux-arm64",
  "@cloudflare/workerd-windows-64",
  "@oxlint/binding-darwin-arm64",
  "@oxlint/binding-linux-x64-gnu",
  "@oxfmt/binding-darwin-arm64",
  "@oxfmt/binding-linux-x64-gnu",
  "@typescript/typescript-darwin-arm64",
  "@typescript/typescript-linux-x64",
  "@rolldown/binding-darwin-arm64",
  "@rolldown/binding-linux-x64-gnu",
];

const problems = [
  ...needed
    .filter((name) => !names.includes(`node_modules/${name}`))
    .map((name) => `package-lock.json lacks ${name}: npm ci would fail or leave it out on that platform`),
  ...names
    .filter((name) => lockfile.packages[name]?.resolved?.startsWith("http") === true)
    .map((name) => `package-lock.json names a registry's host for ${name}`),
  ...(names.filter((name) => name.endsWith("/workerd")).length === 1
    ? []
    : ["package-lock.json has more than one copy of workerd"]),
];

for (const problem of problems) {
  console.error(problem);
}
console.log(problems.length === 0 ? "The lock file is complete." : `${problems.length} problems in the lock file.`);
process.exitCode = problems.length === 0 ? 0 : 1;
