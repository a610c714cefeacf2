// How the services behind tools answered last, in D1, so that the catalogue of one isolate knows what runs in others
// have met. One row a tool; an isolate writes what has changed every five
// seconds at most, and what has not once a minute.

import * as z from "zod";
import type { HealthLog, ToolHealth } from "../tools/web-service/watch-tool.ts";
import { inTime } from "./in-time.ts";

/** A result waits for the row, and is worth more than it. */
const timeoutMs = 1_000;
const repeatMs = 60_000;
/** A service that fails now and then changes with every call. */
const changeMs = 5_000;

const upsert = `
  INSERT INTO tool_health VALUES (?1, ?2, ?3)
  ON CONFLICT (tool) DO UPDATE SET code = excluded.code, checked_at = excluded.checked_at`;

const Row = z.object({ tool: z.string(), code: z.string().nullable(), checked_at: z.string() });

export function createToolHealthLog(
  db: D1Database,
  now: () => number,
  warn: (message: string, error: unknown) => void,
): HealthLog {
  const written = new Map<string, { readonly code: string | null; readonly atMs: number }>();

  async function unlessDown<T>(call: () => Promise<T>, without: T): Promise<T> {
    try {
      return await inTime(timeoutMs, call);
    } catch (error) {
      warn("the health of tools cannot be kept", error);
      return without;
    }
  }

  return {
    note: async (tool, code) => {
      const last = written.get(tool);
      const atMs = now();
      if (last !== undefined && atMs - last.atMs < (last.code === code ? repeatMs : changeMs)) {
        return;
      }
      // Before it is written: calls side by side write once, and a store that is down is asked once a minute.
      written.set(tool, { code, atMs });
      const values = [tool, code, new Date(atMs).toISOString()];
      await unlessDown(async () => {
        await db
          .prepare(upsert)
          .bind(...values)
          .run();
      }, undefined);
    },
    read: () =>
      unlessDown(async () => {
        const { results } = await db.prepare("SELECT tool, code, checked_at FROM tool_health").all();
        const rows = results.map((row) => Row.parse(row));
        return new Map(
          rows.map(({ tool, code, checked_at }): [string, ToolHealth] => [
            tool,
            { state: code === null ? "ok" : "failing", code, checked_at },
          ]),
        );
      }, new Map<string, ToolHealth>()),
  };
}
