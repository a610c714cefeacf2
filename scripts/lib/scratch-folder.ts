// A folder for the state of a server that goes away with its command. A server waits for its disk at each commit, so
// the folder lies in memory where there is plenty; a TMPDIR that is set wins.

import { mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Linux mounts it, in memory, nearly everywhere; a container's is often too small. */
const memoryFolder = "/dev/shm";
/** What else runs needs memory too. */
const spareBytes = 2 * 1024 ** 3;

export interface Machine {
  /** `TMPDIR`; undefined where it is not set. */
  readonly chosen: string | undefined;
  /** Free space of the folder in memory; null where there is none. */
  readonly memoryFolderBytes: number | null;
  readonly availableMemoryBytes: number;
}

/** Where a state of up to `bytes` goes. */
export function scratchRoot(bytes: number, machine: Machine): "memory" | "temporary" {
  const { chosen, memoryFolderBytes, availableMemoryBytes } = machine;
  const fits = memoryFolderBytes !== null && memoryFolderBytes >= bytes;
  return chosen === undefined && fits && availableMemoryBytes >= bytes + spareBytes ? "memory" : "temporary";
}

/** Makes the folder; whoever asks removes it. */
export function makeScratchFolder(prefix: string, bytes: number): string {
  const machine = {
    chosen: process.env["TMPDIR"],
    memoryFolderBytes: freeBytesOf(memoryFolder),
    availableMemoryBytes: process.availableMemory(),
  };
  return mkdtempSync(join(scratchRoot(bytes, machine) === "memory" ? memoryFolder : tmpdir(), prefix));
}

function freeBytesOf(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
