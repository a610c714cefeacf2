// One set of three Parquet files, written group by group: rows, statistics and the files' hashes. It keeps a row group
// of each table in memory and says when the set is full; where the bytes go is the caller's affair.

import type { GroupRows } from "./build-rows.ts";
import type { Codecs } from "./codecs.ts";
import type { Table } from "./columns.ts";
import { filePath, isSetFull } from "./file-plan.ts";
import type { DatasetFile } from "./manifest.ts";
import { type ByteSink, createParquetFile, type ParquetFile } from "./parquet-file.ts";
import { addStats, emptyStats, type SetStats, statsOf } from "./set-stats.ts";

export interface FileSetFacts {
  /** Turns, rollouts, groups. */
  readonly files: readonly DatasetFile[];
  readonly stats: SetStats;
}

export interface FileSet {
  /** After this group the set must be closed. */
  readonly isFull: boolean;
  /** Groups come in the order of their ids. */
  add(rows: GroupRows): Promise<void>;
  close(): Promise<FileSetFacts>;
}

/** `index` counts a dataset's sets from 0; `sinkOf` is asked once for each of the three. */
export function createFileSet(index: number, codecs: Codecs, sinkOf: (path: string) => ByteSink): FileSet {
  const open = <T extends Table>(table: T) => createParquetFile(table, codecs, sinkOf(filePath(table, index)));
  const turns = open("turns");
  const rollouts = open("rollouts");
  const groups = open("groups");
  let stats = emptyStats();
  return {
    get isFull() {
      return isSetFull({ turnRows: turns.rows, rawBytes: turns.rawBytes + rollouts.rawBytes + groups.rawBytes });
    },
    async add(rows) {
      stats = addStats(stats, statsOf(rows));
      await groups.write(rows.group);
      for (const rollout of rows.rollouts) {
        await rollouts.write(rollout.rollout);
        for (const turn of rollout.turns) {
          await turns.write(turn);
        }
      }
    },
    async close() {
      // One after the other: each may still have a row group to send.
      const files = [
        await closeFile("turns", turns, index),
        await closeFile("rollouts", rollouts, index),
        await closeFile("groups", groups, index),
      ];
      return { files, stats };
    },
  };
}

async function closeFile<T extends Table>(table: T, file: ParquetFile<T>, index: number): Promise<DatasetFile> {
  return { path: filePath(table, index), table, ...(await file.close()) };
}
