// A batch's SQLite: what it is, its tasks, its rollouts and its log, changed in transactions. Synchronous, because
// SQLite in a Durable Object is; the object's output gate holds back whatever follows a write until it is durable.

import * as z from "zod";
import type { ErrorInfo } from "../src/agent/events.ts";
import type { BatchEvent, NewBatchEvent } from "../src/training/batch-events.ts";
import { type BatchCounts, BatchStatus } from "../src/training/batch-object.ts";
import { rolloutAt } from "../src/training/batch-plan.ts";
import { BatchSpec } from "../src/training/batch-spec.ts";
import { BatchGroups } from "./batch-groups.ts";
import { BatchLog } from "./batch-log.ts";
import { BatchRollouts, type RolloutSlot } from "./batch-rollouts.ts";
import { type BatchStorage, hasTables, migrateBatch } from "./batch-schema.ts";
import { BatchUploads } from "./batch-uploads.ts";

const fromJson = z.string().transform((text): unknown => JSON.parse(text));
/** Loose, so that a batch made by a newer version is still read after a rollback. */
const StoredSpec = z.object(BatchSpec.shape);

export const BatchRow = z.object({
  upload: z.string(),
  body_hash: z.string(),
  spec: fromJson.pipe(StoredSpec),
  tasks: z.int(),
  status: BatchStatus,
  created_at: z.string(),
  ended_at: z.string().nullable(),
  problem: fromJson.pipe(z.object({ code: z.string(), detail: z.string() })).nullable(),
  /** Groups, from the first, that are in the ledger. */
  registered: z.int(),
  /** Places, from the first, whose first attempt was decided. */
  position: z.int(),
  /** Places whose rollout has ended for good. */
  ended: z.int(),
  /** The ledger knows how it ended. */
  is_settled: z.int(),
});
export type BatchRow = z.infer<typeof BatchRow>;

export class BatchStore {
  readonly uploads: BatchUploads;
  readonly rollouts: BatchRollouts;
  readonly log: BatchLog;
  readonly #storage: BatchStorage;
  /** Kept, for a request and every report begin with it; each change of the row forgets it. */
  #row: BatchRow | null | undefined;
  #isEmpty: boolean;

  constructor(storage: BatchStorage) {
    this.#storage = storage;
    this.uploads = new BatchUploads(storage);
    this.rollouts = new BatchRollouts(storage);
    this.log = new BatchLog(storage);
    this.#isEmpty = !hasTables(storage);
    if (!this.#isEmpty) {
      storage.transactionSync(() => {
        migrateBatch(storage);
      });
    }
  }

  /** Nothing was ever stored: there are no tables. */
  isEmpty(): boolean {
    return this.#isEmpty;
  }

  find(): BatchRow | null {
    if (this.#isEmpty) {
      return null;
    }
    if (this.#row === undefined) {
      const [row] = this.#storage.sql.exec("SELECT * FROM batch").toArray();
      this.#row = row === undefined ? null : BatchRow.parse(row);
    }
    return this.#row;
  }

  get(): BatchRow {
    const row = this.find();
    if (row === null) {
      throw new Error("there is no batch in this object");
    }
    return row;
  }

  groups(): BatchGroups {
    return new BatchGroups(this.#storage, this.get().upload);
  }

  /** In one transaction; the row is read anew after it. Events are told once it is done. */
  change(make: (append: (event: NewBatchEvent) => void) => void, at: string): void {
    const events: BatchEvent[] = [];
    try {
      this.#storage.transactionSync(() => {
        make((event) => {
          events.push(this.log.append(this.get().spec.batch_id, at, event));
        });
      });
    } catch (error) {
      // What was read inside may have been rolled back.
      this.#row = undefined;
      throw error;
    }
    this.log.tell(events);
  }

  update(column: "registered" | "position" | "ended" | "is_settled", value: number): void {
    this.#storage.sql.exec(`UPDATE batch SET ${column} = ?`, value);
    this.#row = undefined;
  }

  setStatus(status: BatchStatus, endedAt: string | null, problem: ErrorInfo | null): void {
    const text = problem === null ? null : JSON.stringify(problem);
    this.#storage.sql.exec("UPDATE batch SET status = ?, ended_at = ?, problem = ?", status, endedAt, text);
    this.#row = undefined;
  }

  /** Creates the tables on the first write. */
  stage(add: () => void): void {
    this.#storage.transactionSync(() => {
      if (this.#isEmpty) {
        migrateBatch(this.#storage);
      }
      add();
    });
    this.#isEmpty = false;
  }

  insert(batch: { spec: BatchSpec; upload: string; bodyHash: string; tasks: number; at: string }): void {
    this.#storage.sql.exec(
      "INSERT INTO batch (one, upload, body_hash, spec, tasks, status, created_at) VALUES (1, ?, ?, ?, ?, 'queued', ?)",
      batch.upload,
      batch.bodyHash,
      JSON.stringify(batch.spec),
      batch.tasks,
      batch.at,
    );
    this.#row = undefined;
  }

  /** What to start next, at most `limit`: repeats first, then the plan from where it stands. */
  startable(limit: number): RolloutSlot[] {
    const { spec, tasks, position } = this.get();
    const repeats = this.rollouts.due(limit).map((row) => ({
      taskIndex: row.task_index,
      rolloutIndex: row.rollout_index,
      attempt: row.attempt,
    }));
    const left = Math.max(0, Math.min(limit - repeats.length, tasks * spec.group_size - position));
    const fresh = Array.from({ length: left }, (_, index) => ({
      ...rolloutAt(position + index, spec.group_size),
      attempt: 1,
    }));
    return [...repeats, ...fresh];
  }

  counts(): {
    counts: BatchCounts;
    mean_reward: number | null;
    usage: { prompt_tokens: number; completion_tokens: number };
  } {
    const { tasks, spec, position, ended } = this.get();
    const { due, mean_reward, usage, ...totals } = this.rollouts.totals();
    const planned = tasks * spec.group_size;
    const counts = { tasks, planned, queued: planned - position + due, ended, ...totals };
    return { counts: { ...counts, groups_complete: this.groups().completeCount() }, mean_reward, usage };
  }
}
