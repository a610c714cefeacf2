// The outbox's rows in a session's SQLite: what a run still owes to the stores outside. A row stands until it is
// delivered; a failed try moves its time.

import * as z from "zod";
import { isInitialised } from "./session-schema.ts";

export const OutboxKind = z.enum(["created", "ended"]);
export type OutboxKind = z.infer<typeof OutboxKind>;

/** `next_at` in milliseconds since the epoch; 0 = at once. */
export const OutboxRow = z.object({ ordinal: z.int(), kind: OutboxKind, attempts: z.int(), next_at: z.number() });
export type OutboxRow = z.infer<typeof OutboxRow>;

export class OutboxTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Inside the transaction that makes the row due. */
  add(ordinal: number, kind: OutboxKind): void {
    this.#sql.exec("INSERT INTO outbox VALUES (?, ?, 0, 0)", ordinal, kind);
  }

  /** Oldest first. */
  rows(): OutboxRow[] {
    return isInitialised(this.#sql)
      ? this.#sql
          .exec("SELECT ordinal, kind, attempts, next_at FROM outbox ORDER BY ordinal, kind")
          .toArray()
          .map((row) => OutboxRow.parse(row))
      : [];
  }

  settle({ ordinal, kind }: OutboxRow): void {
    this.#sql.exec("DELETE FROM outbox WHERE ordinal = ? AND kind = ?", ordinal, kind);
  }

  postpone({ ordinal, kind, attempts }: OutboxRow, nextAt: number): void {
    this.#sql.exec(
      "UPDATE outbox SET attempts = ?, next_at = ? WHERE ordinal = ? AND kind = ?",
      attempts + 1,
      nextAt,
      ordinal,
      kind,
    );
  }
}
