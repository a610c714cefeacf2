// Compression and hashing as the dataset's files use them, behind one port. Node and workerd both have them as
// `node:zlib` and `node:crypto`; a test may put in others. A file that unpacks to more than it declares is refused.

import { createHash } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { packFrames, unpackFrames } from "./zstd-frames.ts";

export interface Hasher {
  update(bytes: Uint8Array): void;
  /** 64 lower-case hex digits; ends the hasher. */
  digest(): string;
}

export interface Codecs {
  compress(bytes: Uint8Array): Uint8Array;
  /** Throws on bytes that are not what `compress` makes, or that unpack to more than `maxBytes`. */
  decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
  sha256(): Hasher;
}

/** zstd's own default; named, because the bytes of a dataset depend on it. */
const zstdLevel = 3;
const bufferSlackBytes = 128 * 1024;
const params = { [constants.ZSTD_c_compressionLevel]: zstdLevel };

export const zstdCodecs: Codecs = {
  compress: (bytes) => packFrames(bytes, packFrame),
  decompress: (bytes, maxBytes) => unpackFrames(bytes, maxBytes, unpackFrame),
  sha256() {
    const hash = createHash("sha256");
    return {
      update(bytes) {
        hash.update(bytes);
      },
      digest: () => hash.digest("hex"),
    };
  },
};

function packFrame(piece: Uint8Array): Uint8Array {
  // With the size known beforehand zstd makes smaller tables, which halves the cost of a small piece. Node has the
  // option and its types have not.
  const options = { params, pledgedSrcSize: piece.length };
  return zstdCompressSync(piece, options);
}

/** workerd bounds its buffer, which grows by doubling, and not what is in it: hence the slack and the second look. */
function unpackFrame(frame: Uint8Array, maxBytes: number): Uint8Array {
  const bytes = zstdDecompressSync(frame, { maxOutputLength: 2 * maxBytes + bufferSlackBytes });
  if (bytes.length > maxBytes) {
    throw new RangeError("it unpacks to more than it declares");
  }
  return bytes;
}
