// Zstandard in frames. workerd's `zstdCompressSync` fails where its output passes 40,960 bytes (cloudflare/workerd#6769),
// so that a page that does not pack into that becomes several frames in a row, which the format allows (RFC 8878,
// section 3.1) and native readers read as one. `node:zlib` itself stops after the first, hence the cutting here.

/** Below 40,960 by a margin, and the same in Node, so that both cut alike. */
const maxPackedBytes = 40_900;
/** Packs into the bound whatever it holds: zstd adds at most a few dozen bytes to noise. */
const smallPieceBytes = 40_000;
const smallPerLarge = 4;
/** Where its beginning packs well a longer piece is one frame, and packs better. */
export const largePieceBytes = smallPerLarge * smallPieceBytes;

/** `pack` makes one frame; it may throw where the frame would pass the bound. */
export function packFrames(bytes: Uint8Array, pack: (piece: Uint8Array) => Uint8Array): Uint8Array {
  const frames: Uint8Array[] = [];
  // At least once: nothing at all is an empty frame.
  for (let start = 0; start === 0 || start < bytes.length; start += largePieceBytes) {
    frames.push(...packPiece(bytes.subarray(start, start + largePieceBytes), pack));
  }
  return join(frames);
}

/** One frame where the bytes pack well, else one for each small piece. */
function packPiece(piece: Uint8Array, pack: (piece: Uint8Array) => Uint8Array): Uint8Array[] {
  const beginning = pack(piece.subarray(0, smallPieceBytes));
  if (piece.length <= smallPieceBytes) {
    return [beginning];
  }
  const whole = beginning.length * smallPerLarge <= maxPackedBytes ? packWhole(piece, pack) : null;
  if (whole !== null) {
    return [whole];
  }
  const frames = [beginning];
  for (let offset = smallPieceBytes; offset < piece.length; offset += smallPieceBytes) {
    frames.push(pack(piece.subarray(offset, offset + smallPieceBytes)));
  }
  return frames;
}

/** Null where the frame would pass the bound. */
function packWhole(piece: Uint8Array, pack: (piece: Uint8Array) => Uint8Array): Uint8Array | null {
  try {
    const frame = pack(piece);
    return frame.length <= maxPackedBytes ? frame : null;
  } catch {
    return null;
  }
}

/** `unpack` takes one frame and the most that it may unpack to, and throws beyond it. Throws on what is not frames. */
export function unpackFrames(
  bytes: Uint8Array,
  maxBytes: number,
  unpack: (frame: Uint8Array, maxBytes: number) => Uint8Array,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  let left = maxBytes;
  for (let start = 0; start < bytes.length;) {
    const length = frameLength(bytes.subarray(start));
    if (start + length > bytes.length) {
      throw new RangeError("a zstd frame is cut off");
    }
    const piece = unpack(bytes.subarray(start, start + length), left);
    left -= piece.length;
    pieces.push(piece);
    start += length;
  }
  return join(pieces);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && pieces.length === 1) {
    return first;
  }
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

const magic = 0xfd2fb528;
/** By the two bits of the descriptor that say so. */
const dictionaryIdBytes = [0, 1, 2, 4] as const;
const contentSizeBytes = [0, 2, 4, 8] as const;

/** Of the frame at the start of `bytes` (RFC 8878, section 3.1.1). */
function frameLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== magic) {
    throw new Error("not a zstd frame");
  }
  const descriptor = view.getUint8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentFlag = descriptor >> 6;
  const contentSize = contentFlag === 0 && isSingleSegment ? 1 : (contentSizeBytes[contentFlag] ?? 0);
  const windowSize = isSingleSegment ? 0 : 1;
  let offset = 5 + windowSize + (dictionaryIdBytes[descriptor & 3] ?? 0) + contentSize;
  for (;;) {
    const header = view.getUint8(offset) | (view.getUint8(offset + 1) << 8) | (view.getUint8(offset + 2) << 16);
    const isRepeated = ((header >> 1) & 3) === 1;
    offset += 3 + (isRepeated ? 1 : header >> 3);
    if ((header & 1) === 1) {
      const checksum = (descriptor & 4) === 0 ? 0 : 4;
      return offset + checksum;
    }
  }
}
