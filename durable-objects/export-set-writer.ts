// One set of three Parquet files on its way to R2, rollout by rollout, so that a group of any size can be written. In
// memory are a row group and a part of each file. Files are opened with the first group: a set of none has none.

import type { RolloutRows } from "../src/training/dataset/build-rows.ts";
import { type GroupTableRow, type Table } from "../src/training/dataset/columns.ts";
import { filePath } from "../src/training/dataset/file-plan.ts";
import type { DatasetFile } from "../src/training/dataset/manifest.ts";
import { createParquetFile, type ParquetFile } from "../src/training/dataset/parquet-file.ts";
import { addStats, emptyStats, type SetStats, statsOf } from "../src/training/dataset/set-stats.ts";
import type { ExportDeps } from "./export-deps.ts";
import { PartSink } from "./export-part-sink.ts";

interface OpenFile<T extends Table> {
  readonly path: string;
  readonly table: T;
  readonly sink: PartSink;
  readonly parquet: ParquetFile<T>;
}

interface OpenSet {
  readonly turns: OpenFile<"turns">;
  readonly rollouts: OpenFile<"rollouts">;
  readonly groups: OpenFile<"groups">;
}

export interface WrittenSet {
  /** Turns, rollouts, groups. */
  readonly files: DatasetFile[];
  readonly stats: SetStats;
}

type SetWriterDeps = Pick<ExportDeps, "files" | "codecs" | "progress" | "isSetFull">;

export class SetWriter {
  readonly #deps: SetWriterDeps;
  readonly #datasetId: string;
  readonly #ordinal: number;
  #open: OpenSet | null = null;
  #group: GroupTableRow | null = null;
  #stats = emptyStats();

  constructor(deps: SetWriterDeps, datasetId: string, ordinal: number) {
    this.#deps = deps;
    this.#datasetId = datasetId;
    this.#ordinal = ordinal;
  }

  /** Asked after each group: one never crosses a file. */
  isFull(): boolean {
    if (this.#open === null) {
      return false;
    }
    const { turns, rollouts, groups } = this.#open;
    const rawBytes = turns.parquet.rawBytes + rollouts.parquet.rawBytes + groups.parquet.rawBytes;
    return this.#deps.isSetFull({ turnRows: turns.parquet.rows, rawBytes });
  }

  /** The rollouts that follow are this group's. */
  async addGroup(group: GroupTableRow): Promise<void> {
    this.#open ??= { turns: this.#create("turns"), rollouts: this.#create("rollouts"), groups: this.#create("groups") };
    this.#group = group;
    this.#stats = addStats(this.#stats, statsOf({ group, rollouts: [] }));
    await this.#open.groups.parquet.write(group);
  }

  async addRollout(rows: RolloutRows): Promise<void> {
    if (this.#open === null || this.#group === null) {
      throw new Error("a rollout comes after its group");
    }
    this.#stats = addStats(this.#stats, { ...statsOf({ group: this.#group, rollouts: [rows] }), ...countedAlready });
    await this.#open.rollouts.parquet.write(rows.rollout);
    for (const turn of rows.turns) {
      await this.#open.turns.parquet.write(turn);
    }
  }

  /** Null for a set without groups. The files stand when this resolves. */
  async close(): Promise<WrittenSet | null> {
    if (this.#open === null) {
      return null;
    }
    const { turns, rollouts, groups } = this.#open;
    // One after the other: each may still have a row group and a part to send.
    const files = [await closeFile(turns), await closeFile(rollouts), await closeFile(groups)];
    return { files, stats: this.#stats };
  }

  #create<T extends Table>(table: T): OpenFile<T> {
    const { files, codecs, progress } = this.#deps;
    const path = filePath(table, this.#ordinal);
    const onUpload = (uploadId: string) => progress.noteUpload(uploadId, path);
    const sink = new PartSink({ files, datasetId: this.#datasetId, path, onUpload });
    return { path, table, sink, parquet: createParquetFile(table, codecs, (bytes) => sink.write(bytes)) };
  }
}

/** What `addGroup` has counted of the statistics that a rollout's rows repeat. */
const countedAlready = {
  groups: 0,
  groups_with_advantages: 0,
  zero_variance: 0,
  group_sizes: {},
  policy_versions: [],
} satisfies Partial<SetStats>;

async function closeFile<T extends Table>({ path, table, sink, parquet }: OpenFile<T>): Promise<DatasetFile> {
  const facts = await parquet.close();
  await sink.close();
  return { path, table, ...facts };
}
