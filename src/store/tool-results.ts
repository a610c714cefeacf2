// Kept results of tools in D1, by tenant. The cache port that runs see never fails: without its store a call is simply
// made. Erasure and the cron's sweep do fail, so that they are tried again.

import { sessionOfRun } from "../lib/ids.ts";
import { KeptResult, type ResultCache } from "../tools/result-cache.ts";
import { guardStore, StoreFault } from "./store-fault.ts";

export interface ToolResultStore {
  of(tenant: string): ResultCache;
  eraseSession(tenant: string, sessionId: string): Promise<void>;
  /** Removes what is too old, a bounded number at a time. */
  sweep(nowMs: number): Promise<void>;
}

/** An evaluation is repeated within weeks; after that the world it saw is history. */
const keptForMs = 30 * 24 * 3_600_000;
/** D1 runs a statement for 30 s at most. */
const maxSwept = 5_000;

export function createToolResultStore(
  db: D1Database,
  now: () => number,
  warn: (message: string, error: unknown) => void,
): ToolResultStore {
  const iso = (ms: number) => new Date(ms).toISOString();

  async function unlessDown<T>(call: () => Promise<T>, without: T): Promise<T> {
    try {
      return await guardStore("ledger_unavailable", call);
    } catch (error) {
      if (!(error instanceof StoreFault)) {
        throw error;
      }
      warn("kept tool results cannot be reached", error);
      return without;
    }
  }

  function cacheOf(tenant: string): ResultCache {
    return {
      find: (key) =>
        unlessDown(async () => {
          const select = "SELECT kept FROM tool_results WHERE tenant = ?1 AND result_key = ?2 AND created_at > ?3";
          return fromColumn(
            await db
              .prepare(select)
              .bind(tenant, key, iso(now() - keptForMs))
              .first("kept"),
          );
        }, null),
      keep: (key, kept, { tool, runId }) =>
        unlessDown(async () => {
          const insert = `INSERT INTO tool_results VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (tenant, result_key) DO UPDATE SET session_id = excluded.session_id, kept = excluded.kept,
              created_at = excluded.created_at WHERE created_at <= ?7`;
          const values = [tenant, key, tool, sessionOfRun(runId) ?? "", JSON.stringify(kept), iso(now())];
          await db
            .prepare(insert)
            .bind(...values, iso(now() - keptForMs))
            .run();
        }, undefined),
    };
  }

  return {
    of: cacheOf,
    eraseSession: (tenant, sessionId) =>
      guardStore("ledger_unavailable", async () => {
        await db
          .prepare("DELETE FROM tool_results WHERE tenant = ?1 AND session_id = ?2")
          .bind(tenant, sessionId)
          .run();
      }),
    sweep: (nowMs) =>
      guardStore("ledger_unavailable", async () => {
        const old = "SELECT rowid FROM tool_results WHERE created_at <= ?1 LIMIT ?2";
        await db
          .prepare(`DELETE FROM tool_results WHERE rowid IN (${old})`)
          .bind(iso(nowMs - keptForMs), maxSwept)
          .run();
      }),
  };
}

/** A row of a shape that this version does not know counts as none. */
function fromColumn(text: unknown): KeptResult | null {
  const parsed = KeptResult.safeParse(typeof text === "string" ? JSON.parse(text) : null);
  return parsed.success ? parsed.data : null;
}
