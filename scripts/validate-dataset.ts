// `npm run dataset:validate -- <folder>`: whether a downloaded dataset is what its manifest says and keeps the rules of
// DATASET. Works on any folder, needs no service, and changes nothing. Ends with 0 when it does, 1 when it does not,
// 2 when it could not look.

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { zstdCodecs } from "../src/training/dataset/codecs.ts";
import type { DatasetSource } from "../src/training/dataset/dataset-source.ts";
import type { Finding } from "../src/training/dataset/findings.ts";
import type { RangeReader } from "../src/training/dataset/read-table.ts";
import { validateDataset, type ValidationReport } from "../src/training/dataset/validate.ts";

const usage = "usage: npm run dataset:validate -- <folder> [<folder> …]";

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function readFolders(): string[] {
  try {
    const { positionals } = parseArgs({ allowPositionals: true });
    return positionals.length > 0 ? positionals : fail(usage);
  } catch (error) {
    return fail(`${messageOf(error)}\n${usage}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Files are kept open while their dataset is looked at; paths have been checked by the manifest's schema. */
function createFolder(folder: string): DatasetSource & { close(): Promise<void> } {
  const handles: FileHandle[] = [];
  return {
    async open(path) {
      let handle: FileHandle;
      try {
        handle = await open(join(folder, path), "r");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") {
          return null;
        }
        throw error;
      }
      handles.push(handle);
      return toReader(handle, (await handle.stat()).size);
    },
    close: async () => {
      await Promise.all(handles.map((handle) => handle.close()));
    },
  };
}

function toReader(handle: FileHandle, byteLength: number): RangeReader {
  return {
    byteLength,
    async read(start, end) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
      return bytes.subarray(0, bytesRead);
    },
  };
}

function lineOf({ rule, file, group_id, rollout_id, detail }: Finding): string {
  const where = [file, group_id, rollout_id].filter((part) => part !== null).join(" ");
  return `  ${rule}  ${where}: ${detail}`;
}

function print(folder: string, { valid, findings, total }: ValidationReport): void {
  console.log(valid ? `${folder}: sound` : `${folder}: REJECTED, ${total} finding${total === 1 ? "" : "s"}`);
  for (const finding of findings) {
    console.log(lineOf(finding));
  }
  if (total > findings.length) {
    console.log(`  … and ${total - findings.length} more`);
  }
}

async function validateFolder(folder: string): Promise<boolean> {
  const source = createFolder(folder);
  try {
    const report = await validateDataset(source, zstdCodecs);
    print(folder, report);
    return report.valid;
  } catch (error) {
    return fail(`${folder}: ${messageOf(error)}`);
  } finally {
    await source.close();
  }
}

let isSound = true;
for (const folder of readFolders()) {
  isSound = (await validateFolder(folder)) && isSound;
}
process.exitCode = isSound ? 0 : 1;
