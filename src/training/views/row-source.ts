// What a view reads from: the rows of a frozen dataset, one row group at a time.

import type { Table } from "../dataset/columns.ts";
import type { RawRow } from "../dataset/read-table.ts";

export interface RowSource {
  /**
   * Row groups in the dataset's order, all columns where none are named. A caller that stops early costs nothing
   * more. Rejects if a file is gone.
   */
  rowGroups(table: Table, columns?: readonly string[]): AsyncGenerator<readonly RawRow[]>;
}
