// Bytes to text where the declared charset may be wrong, unknown or missing: a byte order mark wins, then bytes that
// can only be UTF-8, then what the server or the page declares. It never fails; what cannot be read becomes U+FFFD.

/** Where a page declares its charset itself (WHATWG: within the first 1,024 bytes). */
const declarationBytes = 1024;
/** What browsers assume; it gives every byte a character. */
const fallback = "windows-1252";

export interface Decoded {
  readonly text: string;
  /** The one that was used. */
  readonly charset: string;
}

export function decodeText(bytes: Uint8Array, contentType: string | null): Decoded {
  const charset = markOf(bytes) ?? charsetOf(bytes, contentType);
  return { text: new TextDecoder(charset).decode(bytes), charset };
}

function markOf(bytes: Uint8Array): string | null {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) {
    return "utf-8";
  }
  return a === 0xff && b === 0xfe ? "utf-16le" : a === 0xfe && b === 0xff ? "utf-16be" : null;
}

function charsetOf(bytes: Uint8Array, contentType: string | null): string {
  const declared = knownCharset(declaredBy(contentType ?? "")) ?? knownCharset(declaredBy(headOf(bytes)));
  if (isUtf8(bytes)) {
    // ASCII alone is valid in most charsets, and then the declaration may mean an escaped one such as ISO-2022-JP.
    return declared === null || bytes.some((byte) => byte >= 0x80) ? "utf-8" : declared;
  }
  return declared === null || declared === "utf-8" ? fallback : declared;
}

function declaredBy(text: string): string | null {
  return /charset\s*=\s*["']?\s*([\w.:-]{2,40})/i.exec(text)?.[1] ?? null;
}

function headOf(bytes: Uint8Array): string {
  return new TextDecoder(fallback).decode(bytes.subarray(0, declarationBytes));
}

/** The name as the decoder knows it; null for a name that it does not. */
function knownCharset(name: string | null): string | null {
  try {
    return name === null ? null : new TextDecoder(name).encoding;
  } catch {
    return null;
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    // `stream`: a page that was cut at the cap may end within a character.
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
