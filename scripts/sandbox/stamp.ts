// The fingerprint of everything the sandbox's files are made from. Equal stamps mean that nothing need be built;
// hashing some kilobytes takes milliseconds, so `npm start` and `npm test` can ask each time.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildDirectory, pyodideDirectory, runnerDirectory } from "./sandbox-paths.ts";

const stampLength = 16;

export async function sandboxStamp(): Promise<string> {
  const hash = createHash("sha256");
  for (const directory of [buildDirectory, runnerDirectory]) {
    const names = (await readdir(directory)).toSorted();
    for (const name of names) {
      hash.update(`${name}\0`).update(await readFile(join(directory, name)));
    }
  }
  hash.update(await readFile(join(pyodideDirectory, "package.json")));
  return hash.digest("hex").slice(0, stampLength);
}
