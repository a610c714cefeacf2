// A cursor over the bytes of a WebAssembly module: LEB128 numbers, names and sections. It knows nothing of
// instructions and refuses to read past its end.

export class WasmReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined || this.at >= this.end) {
      throw new RangeError(`WebAssembly ends early, at byte ${this.at}`);
    }
    this.at += 1;
    return value;
  }

  peek(): number {
    const value = this.byte();
    this.at -= 1;
    return value;
  }

  /** An unsigned LEB128 of up to 64 bits; exact up to 2^53, which covers every index and size. */
  unsigned(): number {
    let value = 0;
    let weight = 1;
    let byte = this.byte();
    while (byte & 0x80) {
      value += (byte & 0x7f) * weight;
      weight *= 128;
      byte = this.byte();
    }
    return value + byte * weight;
  }

  skipLeb(): void {
    while (this.byte() & 0x80) {
      // The value is of no interest.
    }
  }

  skip(count: number): void {
    this.at += count;
    if (this.at > this.end) {
      throw new RangeError(`WebAssembly ends early, at byte ${this.end}`);
    }
  }

  name(): string {
    const length = this.unsigned();
    const start = this.at;
    this.skip(length);
    return new TextDecoder().decode(this.bytes.subarray(start, start + length));
  }

  slice(start: number, end: number): Uint8Array {
    return this.bytes.subarray(start, end);
  }

  /** A reader over the next `length` bytes, which this one skips. */
  section(length: number): WasmReader {
    const start = this.at;
    this.skip(length);
    return new WasmReader(this.bytes, start, start + length);
  }
}
