// The outbox's rows in a session's SQLite: what is still owed to the stores and objects outside. A row stands until
// it is delivered, and what it brings about next is added in the same step; a failed try moves its time.

import * as z from "zod";
import { isInitialised } from "./session-schema.ts";

/**
 * `created`: the run's row in the ledger. `ended`: its record, then the end of its row. `report`: the batch is told of
 * the end. `ask`: a judge or a webhook is asked for the reward. `reward`: what it said goes into the ledger, and to
 * the batch. `erase`: what an erased session left elsewhere is removed.
 */
export const OutboxKind = z.enum(["created", "ended", "report", "ask", "reward", "erase"]);
export type OutboxKind = z.infer<typeof OutboxKind>;

/** `next_at` in milliseconds since the epoch; 0 = at once. `ordinal` is 0 for what concerns the whole session. */
export const OutboxRow = z.object({ ordinal: z.int(), kind: OutboxKind, attempts: z.int(), next_at: z.number() });
export type OutboxRow = z.infer<typeof OutboxRow>;

/** A row to be added; `payload` is JSON text, kept where a later try could not find it out again. */
export interface NewOutboxRow {
  readonly kind: OutboxKind;
  readonly payload: string | null;
}

/** What a try came to. */
export type RowOutcome =
  | { readonly kind: "delivered"; readonly next: readonly NewOutboxRow[] }
  /** Not now, and not before `minWaitMs`. */
  | { readonly kind: "later"; readonly minWaitMs: number; readonly detail: string };

export class OutboxTable {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  /** Kept, because every delivery and every alarm asks for them, and this object alone changes them. */
  #rows: readonly OutboxRow[] | null = null;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Inside the transaction that makes the row due. */
  add(ordinal: number, { kind, payload }: NewOutboxRow): void {
    this.#sql.exec(
      "INSERT INTO outbox (ordinal, kind, attempts, next_at, payload) VALUES (?, ?, 0, 0, ?) ON CONFLICT DO NOTHING",
      ordinal,
      kind,
      payload,
    );
    const isThere = (row: OutboxRow): boolean => row.ordinal === ordinal && row.kind === kind;
    if (this.#rows?.some(isThere) === false) {
      this.#rows = [...this.#rows, { ordinal, kind, attempts: 0, next_at: 0 }];
    }
  }

  /** In no order. */
  rows(): readonly OutboxRow[] {
    this.#rows ??= isInitialised(this.#sql)
      ? this.#sql
          .exec("SELECT ordinal, kind, attempts, next_at FROM outbox")
          .toArray()
          .map((row) => OutboxRow.parse(row))
      : [];
    return this.#rows;
  }

  payload({ ordinal, kind }: OutboxRow): string | null {
    const row = this.#sql.exec("SELECT payload FROM outbox WHERE ordinal = ? AND kind = ?", ordinal, kind).toArray()[0];
    return typeof row?.["payload"] === "string" ? row["payload"] : null;
  }

  /**
   * Takes a delivered row away, with the end also the creation, and adds what follows from it; nothing where the
   * session was erased meanwhile.
   */
  settle({ ordinal, kind }: OutboxRow, next: readonly NewOutboxRow[]): void {
    const kinds: readonly OutboxKind[] = [kind, kind === "ended" ? "created" : kind];
    const isSettled = (row: OutboxRow): boolean => row.ordinal === ordinal && kinds.includes(row.kind);
    if (!this.rows().some(isSettled)) {
      return;
    }
    try {
      this.#storage.transactionSync(() => {
        this.#sql.exec("DELETE FROM outbox WHERE ordinal = ? AND kind IN (?, ?)", ordinal, ...kinds);
        this.#rows = this.rows().filter((row) => !isSettled(row));
        for (const row of next) {
          this.add(ordinal, row);
        }
      });
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  postpone({ ordinal, kind, attempts }: OutboxRow, nextAt: number): void {
    this.#sql.exec(
      "UPDATE outbox SET attempts = ?, next_at = ? WHERE ordinal = ? AND kind = ?",
      attempts + 1,
      nextAt,
      ordinal,
      kind,
    );
    this.forget();
  }

  /** The tables have just been made. */
  begin(): void {
    this.#rows = [];
  }

  deleteAll(): void {
    this.#sql.exec("DELETE FROM outbox");
    this.forget();
  }

  forget(): void {
    this.#rows = null;
  }
}
