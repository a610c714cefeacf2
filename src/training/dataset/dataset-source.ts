// Where a validator's bytes come from, told apart from what is in them: content that cannot be read is a finding, a
// source that fails is its owner's fault and is thrown on.

import type { Findings } from "./findings.ts";
import type { RangeReader } from "./read-table.ts";
import { RowFault } from "./row-cursor.ts";

export interface DatasetSource {
  /** Null where there is no such file. */
  open(path: string): Promise<RangeReader | null>;
}

export class WatchedSource implements DatasetSource {
  readonly #source: DatasetSource;
  #failure: { readonly error: unknown } | null = null;

  constructor(source: DatasetSource) {
    this.#source = source;
  }

  async open(path: string): Promise<RangeReader | null> {
    const reader = await this.#watch(() => this.#source.open(path));
    return reader === null
      ? null
      : { byteLength: reader.byteLength, read: (start, end) => this.#watch(() => reader.read(start, end)) };
  }

  /** What `read` gives; null, and a finding, where the file's content is not to be read. */
  async reading<T>(findings: Findings, path: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (error) {
      if (this.#failure !== null) {
        throw this.#failure.error;
      }
      const file = error instanceof RowFault ? error.file : path;
      findings.add("schema", file, `it cannot be read: ${error instanceof Error ? error.message : "unknown fault"}`);
      return null;
    }
  }

  async #watch<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}
