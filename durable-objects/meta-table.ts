// What a session is, as names and values in its SQLite: whose, since when, and whether it was erased. Nearly every
// request asks for one of them, so that they are read once and kept.

import * as z from "zod";
import { isInitialised, type SessionFacts } from "./session-schema.ts";

const MetaRow = z.object({ key: z.string(), value: z.string() });

export class MetaTable {
  readonly #sql: SqlStorage;
  #kept: Map<string, string> | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(key: string): string | null {
    this.#kept ??= this.#read();
    return this.#kept.get(key) ?? null;
  }

  /** Inside a transaction whose failure calls `forget`. */
  set(key: string, value: string): void {
    this.#sql.exec("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value);
    this.#kept?.set(key, value);
  }

  /** The tables have just been made with these. */
  begin({ tenant, sessionId, createdAt }: SessionFacts): void {
    this.#kept = new Map(Object.entries({ tenant, session_id: sessionId, created_at: createdAt }));
  }

  /** Leaves the tables' version and the fact of the erasure. */
  settleErasure(): void {
    this.#sql.exec("DELETE FROM meta WHERE key NOT IN ('schema', 'erased_at')");
    this.forget();
  }

  forget(): void {
    this.#kept = null;
  }

  #read(): Map<string, string> {
    const rows = isInitialised(this.#sql) ? this.#sql.exec("SELECT key, value FROM meta").toArray() : [];
    return new Map(rows.map((row) => MetaRow.parse(row)).map(({ key, value }) => [key, value]));
  }
}
