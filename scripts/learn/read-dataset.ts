// A dataset of the service as the trainer reads it: manifest first, then each file against its hash, then the rows.
// Nothing else of the service enters the training.

import { createHash } from "node:crypto";
import * as z from "zod";
import { zstdCodecs } from "../../src/training/dataset/codecs.ts";
import { DatasetFile } from "../../src/training/dataset/manifest.ts";
import type { Table } from "../../src/training/dataset/columns.ts";
import { openTable, type RawRow } from "../../src/training/dataset/read-table.ts";
import { type LearnDataset, LearnTurn } from "../../src/training/learn/learn-dataset.ts";
import type { Api } from "./learn-api.ts";

const Manifest = z.looseObject({ files: z.array(DatasetFile) });
const GroupRow = z.looseObject({ advantages: z.boolean() });

export async function readLearnDataset(api: Api, id: string): Promise<LearnDataset> {
  const { files } = await api.get(`/v1/datasets/${id}`, Manifest);
  const rowsOf = async (table: Table, columns: readonly string[]): Promise<RawRow[]> => {
    const rows: RawRow[] = [];
    for (const file of files.filter((one) => one.table === table)) {
      rows.push(...(await readFile(await download(api, id, file), table, columns)));
    }
    return rows;
  };
  const turns = await rowsOf("turns", Object.keys(LearnTurn.shape));
  const groups = await rowsOf("groups", ["advantages"]);
  return {
    turns: turns.map((row) => LearnTurn.parse(row)),
    groups: groups.filter((row) => GroupRow.parse(row).advantages).length,
  };
}

async function download(api: Api, id: string, file: DatasetFile): Promise<Uint8Array> {
  const bytes = await api.bytes(`/v1/datasets/${id}/files/${file.path}`);
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (hash !== file.sha256) {
    throw new Error(`${file.path} of ${id} has the hash ${hash}, and the manifest says ${file.sha256}`);
  }
  return bytes;
}

async function readFile(bytes: Uint8Array, table: Table, columns: readonly string[]): Promise<RawRow[]> {
  const reader = {
    byteLength: bytes.byteLength,
    read: (start: number, end: number) => Promise.resolve(bytes.subarray(start, end)),
  };
  const rows: RawRow[] = [];
  for await (const group of (await openTable(table, reader, zstdCodecs)).rowGroups(columns)) {
    rows.push(...group);
  }
  return rows;
}
