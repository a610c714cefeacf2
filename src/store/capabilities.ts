// What inference endpoints were found to support, kept in D1 under URL and model so that every isolate benefits
// from one negotiation. A row of a shape that this version does not know counts as not known. It never holds up a
// model's call for long: a ledger that is slow or down is left in peace for a while, and the isolate goes by what it
// has learnt itself.

import { Capabilities, type CapabilityStore } from "../engines/hosted/capabilities.ts";
import type { TtlCache } from "../lib/ttl-cache.ts";
import { inTime } from "./in-time.ts";
import { guardStore } from "./store-fault.ts";

const upsert = `
  INSERT INTO engine_capabilities VALUES (?1, ?2, ?3)
  ON CONFLICT (capability_key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`;

function fromColumn(text: unknown): Capabilities | null {
  const parsed = Capabilities.safeParse(typeof text === "string" ? JSON.parse(text) : null);
  return parsed.success ? parsed.data : null;
}

/** About what asking a server without knowing anything of it costs; waiting longer for the ledger gains nothing. */
const timeoutMs = 2_000;
/** How long a ledger that failed is not asked again: a row of calls must not wait for it one after another. */
const restMs = 5_000;

/** `now` in milliseconds. The cache answers repeated questions and has what was put here even if the ledger has not. */
export function createCapabilityStore(
  db: D1Database,
  cache: TtlCache<Capabilities | null>,
  now: () => number,
): CapabilityStore {
  let restsUntil = 0;

  async function ask<T>(call: () => Promise<T>): Promise<T> {
    return guardStore("ledger_unavailable", async () => {
      if (now() < restsUntil) {
        throw new Error("the ledger failed a moment ago");
      }
      try {
        return await inTime(timeoutMs, call);
      } catch (error) {
        restsUntil = now() + restMs;
        throw error;
      }
    });
  }

  async function load(key: string): Promise<Capabilities | null> {
    const statement = db.prepare("SELECT value FROM engine_capabilities WHERE capability_key = ?1").bind(key);
    return fromColumn(await statement.first("value"));
  }

  return {
    get: (key) => cache.get(key, () => ask(() => load(key))),
    async put(key, value) {
      cache.delete(key);
      await cache.get(key, () => Promise.resolve(value));
      const values = [key, JSON.stringify(value), new Date(now()).toISOString()];
      await ask(() =>
        db
          .prepare(upsert)
          .bind(...values)
          .run(),
      );
    },
  };
}
