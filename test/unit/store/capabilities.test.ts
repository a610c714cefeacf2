// What endpoints can do, where the ledger is slow or gone: nobody waits for it long, and what was learnt is not lost.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Capabilities } from "../../../src/engines/hosted/capabilities.ts";
import { createTtlCache } from "../../../src/lib/ttl-cache.ts";
import { createCapabilityStore } from "../../../src/store/capabilities.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const value: Capabilities = { version: 1, refused: ["logprobs"], learnedAt: 5 };

/** A store over a ledger that answers as told, and how often it was asked. */
function storeOver(answer: () => Promise<unknown>) {
  const asked: string[] = [];
  const respond = (how: string) => {
    asked.push(how);
    return answer();
  };
  const statement = { bind: () => statement, first: () => respond("first"), run: () => respond("run") };
  const db: D1Database = Object.assign(Object.create(null), { prepare: () => statement });
  const cache = createTtlCache<Capabilities | null>({ now: Date.now, ttlMs: 30_000, maxEntries: 8 });
  return { store: createCapabilityStore(db, cache, () => Date.now()), asked };
}

test("a ledger that hangs is given two seconds, and then five in which nobody asks it", async () => {
  const { store, asked } = storeOver(() => new Promise(() => undefined));
  const failed = store.get("a").catch(String);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await failed).toContain("The ledger cannot be reached.");
  await expect(store.get("b")).rejects.toThrow("The ledger cannot be reached.");
  await expect(store.put("b", value)).rejects.toThrow("The ledger cannot be reached.");
  expect(asked).toEqual(["first"]);
  await vi.advanceTimersByTimeAsync(5_000);
  void store.get("c").catch(() => undefined);
  expect(asked).toEqual(["first", "first"]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(vi.getTimerCount()).toBe(0);
});

test("what this isolate has learnt it knows, though the ledger would not keep it", async () => {
  const { store, asked } = storeOver(() => Promise.reject(new Error("D1 is down")));
  await expect(store.put("a", value)).rejects.toThrow("The ledger cannot be reached.");
  expect(await store.get("a")).toEqual(value);
  expect(asked).toEqual(["run"]);
});

test("a ledger that answers leaves no timer behind", async () => {
  const { store, asked } = storeOver(() => Promise.resolve(JSON.stringify(value)));
  expect([await store.get("a"), await store.get("a")]).toEqual([value, value]);
  expect([asked, vi.getTimerCount()]).toEqual([["first"], 0]);
});
