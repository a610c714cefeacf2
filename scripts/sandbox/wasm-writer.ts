// Puts WebAssembly bytes together: LEB128 numbers, names, vectors and sections. The counterpart of wasm-reader.ts.

/** Section ids of the binary format. */
export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  memory: 5,
  global: 6,
  export: 7,
  code: 10,
} as const;

export function unsignedLeb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** For constants, which are signed; `value` is not negative. */
export function signedLeb(value: number): number[] {
  const bytes = unsignedLeb(value);
  const last = bytes.at(-1) ?? 0;
  // Bit 6 of the last byte is the sign: a byte more keeps the number positive.
  return last & 0x40 ? [...bytes.slice(0, -1), last | 0x80, 0] : bytes;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function nameBytes(name: string): number[] {
  const utf8 = new TextEncoder().encode(name);
  return [...unsignedLeb(utf8.length), ...utf8];
}

/** A vector whose items are already encoded back to back. */
export function vectorBytes(count: number, ...items: readonly Uint8Array[]): Uint8Array {
  return concatBytes([Uint8Array.from(unsignedLeb(count)), ...items]);
}

export function sectionBytes(id: number, body: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.from([id, ...unsignedLeb(body.length)]), body]);
}
