// The codec of the dataset's files inside workerd, whose own zstd refuses what does not compress.

import { describe, expect, test } from "vitest";
import { zstdCodecs } from "../../src/training/dataset/codecs.ts";

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let start = 0; start < length; start += 65_536) {
    crypto.getRandomValues(bytes.subarray(start, start + 65_536));
  }
  return bytes;
}

describe("zstd in workerd", () => {
  test.each([0, 1, 32_768, 36_864, 40_960, 65_537, 1_000_003])("packs %i random bytes", (length) => {
    const bytes = randomBytes(length);
    const packed = zstdCodecs.compress(bytes);
    expect(Buffer.compare(zstdCodecs.decompress(packed, length), bytes)).toBe(0);
  });

  test("packs what compresses well and then does not", () => {
    const bytes = new Uint8Array(2_000_000);
    bytes.set(randomBytes(500_000), 1_000_000);
    const packed = zstdCodecs.compress(bytes);
    expect(packed.length).toBeLessThan(510_000);
    expect(Buffer.compare(zstdCodecs.decompress(packed, bytes.length), bytes)).toBe(0);
  });

  test("refuses to unpack more than was declared", () => {
    const packed = zstdCodecs.compress(new Uint8Array(1_000_000));
    expect(() => zstdCodecs.decompress(packed, 1000)).toThrow(RangeError);
  });
});
