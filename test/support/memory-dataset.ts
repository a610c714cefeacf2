// A dataset in memory, made by the project's own writers: its files by path, and a source that a validator reads them
// from. A test may change rows before they are written, or bytes after it.

import { parseAdvantageSpec } from "../../src/training/advantage-spec.ts";
import type { GroupRows } from "../../src/training/dataset/build-rows.ts";
import { cardPath, toCard } from "../../src/training/dataset/card.ts";
import { type Codecs, zstdCodecs } from "../../src/training/dataset/codecs.ts";
import type { RowOf, Table } from "../../src/training/dataset/columns.ts";
import { createClaimHasher } from "../../src/training/dataset/dataset-id.ts";
import type { DatasetSource } from "../../src/training/dataset/dataset-source.ts";
import { createFileSet, type FileSetFacts } from "../../src/training/dataset/file-set.ts";
import { type Manifest, manifestText, toManifest } from "../../src/training/dataset/manifest.ts";
import { type ByteSink, createParquetFile, type FileFacts } from "../../src/training/dataset/parquet-file.ts";
import { openTable, type RangeReader, type RawRow } from "../../src/training/dataset/read-table.ts";
import { terms } from "./dataset-rows.ts";

export type Files = Map<string, Uint8Array>;

/** A sink that keeps copies, and what it has kept. */
export interface MemorySink {
  readonly sink: ByteSink;
  readonly bytes: () => Uint8Array;
  readonly sizes: () => number[];
}

export function memorySink(): MemorySink {
  const chunks: Uint8Array[] = [];
  return {
    sink: async (chunk) => {
      chunks.push(new Uint8Array(chunk));
    },
    bytes: () => new Uint8Array(Buffer.concat(chunks)),
    sizes: () => chunks.map(({ length }) => length),
  };
}

export function memoryReader(bytes: Uint8Array): RangeReader {
  return { byteLength: bytes.length, read: async (start, end) => bytes.subarray(start, end) };
}

export async function writeTable<T extends Table>(
  table: T,
  rows: Iterable<RowOf[T]>,
  codecs: Codecs = zstdCodecs,
): Promise<{ readonly bytes: Uint8Array; readonly facts: FileFacts }> {
  const { sink, bytes } = memorySink();
  const file = createParquetFile(table, codecs, sink);
  for (const row of rows) {
    await file.write(row);
  }
  const facts = await file.close();
  return { bytes: bytes(), facts };
}

export async function readTable(table: Table, bytes: Uint8Array): Promise<RawRow[]> {
  const rows: RawRow[] = [];
  for await (const group of (await openTable(table, memoryReader(bytes), zstdCodecs)).rowGroups()) {
    rows.push(...group);
  }
  return rows;
}

export interface MemoryDataset {
  readonly manifest: Manifest;
  readonly files: Files;
}

/** Each list of groups becomes a set of files. */
export async function writeDataset(
  sets: readonly (readonly GroupRows[])[],
  advantageSpec = "grpo/trajectory/std=n-1/eps=1e-6",
): Promise<MemoryDataset> {
  const files: Files = new Map();
  const written: FileSetFacts[] = [];
  const spec = parseAdvantageSpec(advantageSpec);
  const hasher = createClaimHasher(advantageSpec, zstdCodecs);
  for (const [index, groups] of sets.entries()) {
    const sinks = new Map<string, ReturnType<typeof memorySink>>();
    const set = createFileSet(index, zstdCodecs, (path) => {
      const sink = memorySink();
      sinks.set(path, sink);
      return sink.sink;
    });
    for (const rows of groups) {
      await set.add(rows);
      for (const { rollout } of rows.rollouts) {
        hasher.add({ ...rollout, run_id: rollout.rollout_id });
      }
    }
    written.push(await set.close());
    for (const [path, sink] of sinks) {
      files.set(path, sink.bytes());
    }
  }
  const manifest = toManifest({
    identity: hasher.identity(),
    terms: { ...terms, advantageSpec: spec.ok ? spec.value : terms.advantageSpec },
    claimedAt: "2026-11-22T10:15:00.000Z",
    trigger: "request",
    sets: written.map(({ stats }) => stats),
    quarantined: 0,
    erased: 0,
    files: written.flatMap((set) => set.files),
  });
  return withManifest(files, manifest);
}

/** Adds card and manifest; the manifest's own files are taken as they are. */
function withManifest(files: Files, manifest: Manifest): MemoryDataset {
  const card = new TextEncoder().encode(toCard(manifest));
  const hash = zstdCodecs.sha256();
  hash.update(card);
  const entry = { path: cardPath, table: null, rows: null, bytes: card.length, sha256: hash.digest() };
  const whole = { ...manifest, files: [...manifest.files, entry] };
  files.set(cardPath, card);
  files.set("manifest.json", new TextEncoder().encode(manifestText(whole)));
  return { manifest: whole, files };
}

export function memorySource(files: Files): DatasetSource {
  return {
    open: async (path) => {
      const bytes = files.get(path);
      return bytes === undefined ? null : memoryReader(bytes);
    },
  };
}
