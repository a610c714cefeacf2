// What inference endpoints were found to support, kept in D1 under URL and model so that every isolate benefits
// from one negotiation. A row of a shape that this version does not know counts as not known.

import { Capabilities, type CapabilityStore } from "../engines/hosted/capabilities.ts";
import type { TtlCache } from "../lib/ttl-cache.ts";
import { guardStore } from "./store-fault.ts";

const upsert = `
  INSERT INTO engine_capabilities VALUES (?1, ?2, ?3)
  ON CONFLICT (capability_key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`;

function fromColumn(text: unknown): Capabilities | null {
  const parsed = Capabilities.safeParse(typeof text === "string" ? JSON.parse(text) : null);
  return parsed.success ? parsed.data : null;
}

/** `now` in milliseconds. The cache answers repeated questions; a put makes it forget. */
export function createCapabilityStore(
  db: D1Database,
  cache: TtlCache<Capabilities | null>,
  now: () => number,
): CapabilityStore {
  async function load(key: string): Promise<Capabilities | null> {
    const statement = db.prepare("SELECT value FROM engine_capabilities WHERE capability_key = ?1").bind(key);
    return fromColumn(await statement.first("value"));
  }

  return {
    get: (key) => cache.get(key, () => guardStore("ledger_unavailable", () => load(key))),
    async put(key, value) {
      const values = [key, JSON.stringify(value), new Date(now()).toISOString()];
      await guardStore("ledger_unavailable", () =>
        db
          .prepare(upsert)
          .bind(...values)
          .run(),
      );
      cache.delete(key);
    },
  };
}
