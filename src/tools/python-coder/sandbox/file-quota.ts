// Bounds the in-memory file system: its bytes lie in JavaScript's heap, which the cap on WebAssembly memory does not
// see. A program over the quota gets OSError ENOSPC. Deleting gives nothing back: the quota counts what was written.

import type { PyodideAPI } from "pyodide";

const noSpace = 51; // ENOSPC in Emscripten's numbering
/** What an empty file or a name costs in JavaScript objects, roughly. */
const nodeBytes = 4_096;

interface FileNode {
  usedBytes?: number;
}

type Operation = (...args: unknown[]) => unknown;

export interface QuotaEvents {
  /** Told of each write, so that the copying can be charged as work. */
  readonly onWrite: (bytes: number) => void;
}

/**
 * Replaces the operations that allocate, of files and of pipes. `pipe` is the descriptor of any open pipe: they share
 * one table. Must run before any program.
 */
export function limitFiles(fileSystem: PyodideAPI["FS"], pipe: number, maxBytes: number, events: QuotaEvents): void {
  let taken = 0;
  const take = (bytes: number): void => {
    taken += Math.max(0, bytes);
    if (taken > maxBytes) {
      throw new fileSystem.ErrnoError(noSpace);
    }
  };
  const wrap = (table: Record<string, Operation>, name: string, before: (args: unknown[]) => void): void => {
    const original = table[name];
    if (original === undefined) {
      throw new Error(`the file system has no operation ${name}`);
    }
    table[name] = (...args) => {
      before(args);
      return original(...args);
    };
  };
  const growth = (node: FileNode, size: number): number => size - (node.usedBytes ?? 0);
  const { file, dir } = fileSystem.filesystems.MEMFS.ops_table;
  wrap(file.stream, "write", ([stream, , , length, position]) => {
    const node: FileNode = Reflect.get(Object(stream), "node");
    events.onWrite(Number(length));
    take(growth(node, Number(position) + Number(length)));
  });
  wrap(file.node, "setattr", ([node, attributes]) => {
    const size = Reflect.get(Object(attributes), "size");
    take(typeof size === "number" ? growth(Object(node), size) : 0);
  });
  wrap(fileSystem.getStream(pipe).stream_ops, "write", ([, , , length]) => {
    events.onWrite(Number(length));
    take(Number(length));
  });
  wrap(dir.node, "mknod", () => take(nodeBytes));
  wrap(dir.node, "symlink", () => take(nodeBytes));
}
