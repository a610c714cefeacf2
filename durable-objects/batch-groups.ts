// The groups of a batch, one a task: which the ledger knows, and which are closed and it has yet to be told. It only
// remembers; whether a group is closed is decided where a rollout's end is noted.

import * as z from "zod";
import type { BatchTask } from "../src/training/batch-spec.ts";
import type { BatchStorage } from "./batch-schema.ts";
import { toTask } from "./batch-uploads.ts";

export const GroupRow = z.object({
  task_index: z.int(),
  task_id: z.string(),
  group_id: z.string(),
  group_state: z.enum(["open", "complete", "incomplete"]),
});
export type GroupRow = z.infer<typeof GroupRow>;

const columns = "task_index, task_id, group_id, group_state";
const toTell = "group_state <> 'open' AND is_told = 0";

export class BatchGroups {
  readonly #sql: BatchStorage["sql"];
  /** Whose tasks the batch's are. */
  readonly #upload: string;

  constructor({ sql }: BatchStorage, upload: string) {
    this.#sql = sql;
    this.#upload = upload;
  }

  #rows(where: string, ...bindings: (string | number)[]): GroupRow[] {
    return this.#sql
      .exec(`SELECT ${columns} FROM tasks WHERE upload = ? AND ${where}`, this.#upload, ...bindings)
      .toArray()
      .map((row) => GroupRow.parse(row));
  }

  /** In the order of the tasks. */
  from(taskIndex: number, limit: number): GroupRow[] {
    return this.#rows("task_index >= ? ORDER BY task_index LIMIT ?", taskIndex, limit);
  }

  at(taskIndex: number): GroupRow {
    const [row] = this.from(taskIndex, 1);
    if (row?.task_index !== taskIndex) {
      throw new Error(`the batch has no task ${taskIndex}`);
    }
    return row;
  }

  /** Throws UnreadableTaskError. */
  task(taskIndex: number): BatchTask {
    const query = "SELECT body FROM tasks WHERE upload = ? AND task_index = ?";
    return toTask(this.#sql.exec(query, this.#upload, taskIndex).toArray()[0]?.["body"]);
  }

  close(taskIndex: number, state: "complete" | "incomplete"): void {
    const change = "UPDATE tasks SET group_state = ? WHERE upload = ? AND task_index = ?";
    this.#sql.exec(change, state, this.#upload, taskIndex);
  }

  /** Closed, and the ledger does not know it. */
  untold(limit: number): GroupRow[] {
    return this.#rows(`${toTell} ORDER BY task_index LIMIT ?`, limit);
  }

  untoldCount(): number {
    const query = `SELECT count(*) AS count FROM tasks WHERE upload = ? AND ${toTell}`;
    return Number(this.#sql.exec(query, this.#upload).one()["count"]);
  }

  told(rows: readonly GroupRow[]): void {
    const indexes = JSON.stringify(rows.map((row) => row.task_index));
    this.#sql.exec(
      "UPDATE tasks SET is_told = 1 WHERE upload = ? AND task_index IN (SELECT value FROM json_each(?))",
      this.#upload,
      indexes,
    );
  }

  completeCount(): number {
    const query = "SELECT count(*) AS count FROM tasks WHERE upload = ? AND group_state = 'complete'";
    return Number(this.#sql.exec(query, this.#upload).one()["count"]);
  }
}
