// Collects what a program prints, stdout and stderr in the order of writing. It keeps the head up to a cap and counts
// the rest; past a second cap it asks for the program to be stopped.

export interface OutputCaps {
  /** Bytes of UTF-8 that are kept. */
  readonly keptBytes: number;
  /** Bytes after which the program is stopped. */
  readonly printedBytes: number;
}

export class Output {
  readonly #caps: OutputCaps;
  readonly #onFlood: () => void;
  readonly #parts: Uint8Array[] = [];
  #kept = 0;
  #printed = 0;

  constructor(caps: OutputCaps, onFlood: () => void) {
    this.#caps = caps;
    this.#onFlood = onFlood;
  }

  write(bytes: Uint8Array): void {
    this.#printed += bytes.length;
    if (this.#kept < this.#caps.keptBytes) {
      const part = bytes.slice(0, this.#caps.keptBytes - this.#kept);
      this.#kept += part.length;
      this.#parts.push(part);
    }
    if (this.#printed > this.#caps.printedBytes) {
      this.#onFlood();
    }
  }

  get isCut(): boolean {
    return this.#printed > this.#kept;
  }

  get text(): string {
    const decoder = new TextDecoder();
    const text = this.#parts.map((part) => decoder.decode(part, { stream: true })).join("");
    // A character cut in half at the cap is dropped, not shown as a replacement sign.
    return this.isCut ? text : text + decoder.decode();
  }
}
