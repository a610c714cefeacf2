// A table's rows one after the other, while the file is read row group by row group: the validator walks three tables
// side by side with one of these for each. A row that the schema refuses ends the walk with an error.

import type { z } from "zod";
import type { RawRow, TableFile } from "./read-table.ts";

/** The file cannot be decoded, or a row is not what its column says; the message names row and column. */
export class RowFault extends Error {
  override readonly name = "RowFault";
  readonly file: string;

  constructor(file: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.file = file;
  }
}

export interface RowCursorOptions<T> {
  readonly path: string;
  readonly file: TableFile;
  readonly schema: z.ZodType<T>;
  /** The schema's. */
  readonly columns: readonly string[];
}

export class RowCursor<T> {
  readonly #path: string;
  readonly #groups: AsyncGenerator<readonly RawRow[]>;
  readonly #schema: z.ZodType<T>;
  #rows: readonly RawRow[] = [];
  #next = 0;
  #position = 0;
  #peeked: T | null = null;

  constructor({ path, file, schema, columns }: RowCursorOptions<T>) {
    this.#path = path;
    this.#groups = file.rowGroups(columns);
    this.#schema = schema;
  }

  /** The row that `take` would give; null at the end. Throws RowFault. */
  async peek(): Promise<T | null> {
    this.#peeked ??= await this.#read();
    return this.#peeked;
  }

  /** The next row if `isWanted`, else null. */
  async takeIf(isWanted: (row: T) => boolean): Promise<T | null> {
    const row = await this.peek();
    if (row === null || !isWanted(row)) {
      return null;
    }
    this.#peeked = null;
    return row;
  }

  async #read(): Promise<T | null> {
    while (this.#next >= this.#rows.length) {
      const { value, done } = await this.#nextGroup();
      if (done === true) {
        return null;
      }
      this.#rows = value;
      this.#next = 0;
    }
    const parsed = this.#schema.safeParse(this.#rows[this.#next]);
    this.#next += 1;
    this.#position += 1;
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      const where = `row ${this.#position - 1}, ${issue?.path.join(".") ?? ""}`;
      throw new RowFault(this.#path, `${where}: ${issue?.message ?? ""}`);
    }
    return parsed.data;
  }

  async #nextGroup(): Promise<IteratorResult<readonly RawRow[]>> {
    try {
      return await this.#groups.next();
    } catch (cause) {
      throw new RowFault(this.#path, cause instanceof Error ? cause.message : "unknown fault", { cause });
    }
  }
}
