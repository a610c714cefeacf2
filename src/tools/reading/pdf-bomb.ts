// Whether a PDF may be opened: pdf.js inflates streams as far as they go, and three megabytes can become three
// gigabytes. Each stream is inflated here first, up to a cap. What cannot be measured is refused: encrypted files and
// LZW, an old compression. A filter named inside a compressed object is not seen.

import { inflateSync } from "node:zlib";

/** One page's instructions or a font are well below; a stream is held whole in memory. */
const maxStreamBytes = 16 * 1024 * 1024;
/** Measuring costs time, some 5 ms a megabyte. */
const maxTotalBytes = 128 * 1024 * 1024;

/** In words for people; null if it may be opened. */
export function refusePdf(bytes: Uint8Array): string | null {
  const text = new TextDecoder("windows-1252").decode(bytes);
  // A name may be written with its letters escaped.
  const plain = text.replaceAll(/#([0-9a-f]{2})/gi, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
  const unreadable = /\/(Encrypt|LZWDecode|LZW)\b/.exec(plain)?.[1];
  if (unreadable !== undefined) {
    return unreadable === "Encrypt" ? "the PDF is encrypted" : "the PDF uses LZW compression";
  }
  let total = 0;
  for (const match of text.matchAll(/(?<!end)stream\r?\n/g)) {
    const start = match.index + match[0].length;
    total += isDeflated(bytes, start) ? inflatedSize(bytes.subarray(start)) : 0;
    if (total > maxTotalBytes) {
      return "the PDF becomes too large when it is unpacked";
    }
  }
  return null;
}

/** The header of zlib (RFC 1950). */
function isDeflated(bytes: Uint8Array, start: number): boolean {
  const [method = 0, flags = 0] = bytes.subarray(start, start + 2);
  return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0;
}

/** The stream says itself where it ends; the file's word for it may be a lie. */
function inflatedSize(stream: Uint8Array): number {
  try {
    return inflateSync(stream, { maxOutputLength: maxStreamBytes }).byteLength;
  } catch (error) {
    // Beyond the cap, or damaged: then it has cost something that nobody counted.
    return error instanceof RangeError ? Infinity : maxStreamBytes / 16;
  }
}
