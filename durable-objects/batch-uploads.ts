// Tasks that are on their way into a batch. A request may bring ten thousand of them, piece by piece; they count for
// nothing until the batch is created from its upload, and what was never completed is thrown away after a while.

import * as z from "zod";
import { BatchTask } from "../src/training/batch-spec.ts";
import type { AddTasks } from "./batch-api.ts";
import type { BatchStorage } from "./batch-schema.ts";

/** A body that takes longer than this to come in has been given up. */
export const uploadLifetimeMs = 600_000;

const UploadRow = z.object({ upload: z.string() });

export class BatchUploads {
  readonly #storage: BatchStorage;

  constructor(storage: BatchStorage) {
    this.#storage = storage;
  }

  /** `groupIds`: one a task. The same piece may come again. Inside a transaction. */
  add({ upload, first, tasks }: AddTasks, groupIds: readonly string[], nowMs: number): void {
    const { sql } = this.#storage;
    sql.exec("INSERT INTO uploads VALUES (?, ?) ON CONFLICT (upload) DO UPDATE SET at = excluded.at", upload, nowMs);
    for (const [index, task] of tasks.entries()) {
      sql.exec(
        "INSERT OR REPLACE INTO tasks (upload, task_index, task_id, group_id, body) VALUES (?, ?, ?, ?, ?)",
        upload,
        first + index,
        task.task_id,
        groupIds[index] ?? "",
        JSON.stringify(task),
      );
    }
  }

  /** How many tasks have come in. */
  count(upload: string): number {
    return Number(
      this.#storage.sql.exec("SELECT count(*) AS count FROM tasks WHERE upload = ?", upload).one()["count"],
    );
  }

  drop(upload: string): void {
    this.#storage.transactionSync(() => {
      this.#storage.sql.exec("DELETE FROM tasks WHERE upload = ?", upload);
      this.#storage.sql.exec("DELETE FROM uploads WHERE upload = ?", upload);
    });
  }

  /** The batch was made from it: it is no longer on its way. Inside a transaction. */
  taken(upload: string): void {
    this.#storage.sql.exec("DELETE FROM uploads WHERE upload = ?", upload);
  }

  /** Milliseconds since the epoch at which the oldest is given up; null where none is on its way. */
  nextExpiry(): number | null {
    const at = this.#storage.sql.exec("SELECT min(at) AS at FROM uploads").one()["at"];
    return typeof at === "number" ? at + uploadLifetimeMs : null;
  }

  dropExpired(nowMs: number): void {
    const rows = this.#storage.sql.exec("SELECT upload FROM uploads WHERE at <= ?", nowMs - uploadLifetimeMs).toArray();
    for (const { upload } of rows.map((row) => UploadRow.parse(row))) {
      this.drop(upload);
    }
  }
}

/** A task that another version wrote, or none at all. */
export class UnreadableTaskError extends Error {}

export function toTask(body: SqlStorageValue | undefined): BatchTask {
  try {
    return BatchTask.parse(typeof body === "string" ? JSON.parse(body) : null);
  } catch (cause) {
    throw new UnreadableTaskError("a task's row cannot be read", { cause });
  }
}
