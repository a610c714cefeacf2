// Puts a dataset that a test made into a folder, as a download would.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { manifestText } from "../../src/training/dataset/manifest.ts";
import type { MadeDataset } from "./view-dataset.ts";

export function writeDataset({ files, manifest }: MadeDataset, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, bytes] of files) {
    writeFileSync(join(folder, path), bytes);
  }
  writeFileSync(join(folder, "manifest.json"), manifestText(manifest));
}
