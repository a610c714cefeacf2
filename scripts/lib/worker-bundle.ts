// The Worker as one built file, kept under the digest of everything it is built from, so that only the first start after
// a change pays for the building. A bundle is put in its place whole, and a running server's is never written again.

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** What `src/worker.ts` can import, and what decides how it is built. */
const sources = ["src", "durable-objects", "wrangler.toml", "tsconfig.json", "package-lock.json"];
/** For switching between a few branches; each takes 25 MB. */
const keptBundles = 4;

/** The built Worker's file. `build` writes into the folder that it is given. */
export function workerBundle(root: string, build: (folder: string) => void): string {
  const shelf = join(root, ".wrangler/bundles");
  mkdirSync(shelf, { recursive: true });
  const place = join(shelf, digestOf(root));
  if (!existsSync(place)) {
    const fresh = mkdtempSync(join(shelf, "building-"));
    build(fresh);
    putInPlace(fresh, place);
    removeOldest(shelf);
  }
  return entryOf(place);
}

/** The built file of a folder that wrangler wrote. */
export function entryOf(folder: string): string {
  const entry = readdirSync(folder).find((file) => file.endsWith(".js"));
  if (entry === undefined) {
    throw new Error(`wrangler wrote no Worker into ${folder}`);
  }
  return join(folder, entry);
}

function digestOf(root: string): string {
  const hash = createHash("sha256");
  for (const path of sources.flatMap((name) => filesUnder(root, name))) {
    hash.update(`${path}\0`).update(
      createHash("sha256")
        .update(readFileSync(join(root, path)))
        .digest(),
    );
  }
  return hash.digest("hex").slice(0, 32);
}

/** Relative to `root`, in an order of their own. */
function filesUnder(root: string, name: string): string[] {
  if (!statSync(join(root, name)).isDirectory()) {
    return [name];
  }
  return readdirSync(join(root, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}

function putInPlace(fresh: string, place: string): void {
  try {
    renameSync(fresh, place);
  } catch (error) {
    // Somebody else has built the same at the same time.
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(place)) {
      throw error;
    }
  }
}

function removeOldest(shelf: string): void {
  const bundles = readdirSync(shelf).map((name) => {
    const path = join(shelf, name);
    return { path, at: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
  });
  for (const { path } of bundles.toSorted((a, b) => b.at - a.at).slice(keptBundles)) {
    rmSync(path, { recursive: true, force: true });
  }
}
