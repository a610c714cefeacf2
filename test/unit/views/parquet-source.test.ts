import { describe, expect, it } from "vitest";
import { zstdCodecs } from "../../../src/training/dataset/codecs.ts";
import { toLineStream } from "../../../src/training/views/line-stream.ts";
import { createParquetSource, type ReadRange } from "../../../src/training/views/parquet-source.ts";
import { openView } from "../../../src/training/views/view.ts";
import { makeDataset } from "../../support/view-dataset.ts";

/** 6,000 turns in two sets of files: two row groups each. */
async function largeDataset() {
  const turns = Array.from({ length: 100 }, (_, index) => ({ reply: [index % 12, 3, 4] }));
  const rollouts = [1, 0].map((reward) => ({ reward, turns }));
  return makeDataset({ groups: Array.from({ length: 30 }, () => ({ rollouts })), groupsPerSet: 15 });
}

describe("a source of Parquet rows", () => {
  it("gives row groups of at most 2,000 rows, in order, from one file after the other", async () => {
    const { source } = await largeDataset();
    const sizes: number[] = [];
    for await (const rows of source.rowGroups("turns", ["turn_index"])) {
      sizes.push(rows.length);
    }
    expect(sizes).toEqual([2000, 1000, 2000, 1000]);
  });

  it("reads of a file only what its reader has come to, and never many ranges at once", async () => {
    const { manifest, files } = await largeDataset();
    const touched = new Set<string>();
    let [waiting, most, bytes] = [0, 0, 0];
    const readRange: ReadRange = async (path, start, end) => {
      touched.add(path);
      waiting += 1;
      most = Math.max(most, waiting);
      bytes += end - start;
      await Promise.resolve();
      waiting -= 1;
      return files.get(path)?.slice(start, end) ?? new Uint8Array();
    };
    const { rows } = await openView(createParquetSource(manifest, readRange, zstdCodecs), {
      view: "jsonl",
      table: "turns",
    });
    const reader = toLineStream(rows).getReader();
    await reader.read();
    await reader.cancel();
    expect([...touched]).toEqual(["turns-00000.parquet"]);
    expect(most).toBeLessThanOrEqual(6);
    expect(bytes).toBeGreaterThan(0);
  });

  it("rejects where a file is gone", async () => {
    const { manifest } = await largeDataset();
    const gone: ReadRange = (path) => Promise.reject(new Error(`no ${path}`));
    const rows = createParquetSource(manifest, gone, zstdCodecs).rowGroups("groups");
    await expect(rows.next()).rejects.toThrow("no groups-00000.parquet");
  });
});
