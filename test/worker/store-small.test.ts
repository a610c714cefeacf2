import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/lib/canonical-json.ts";
import { sha256Hex } from "../../src/lib/sha256.ts";
import { createTtlCache } from "../../src/lib/ttl-cache.ts";
import type { Capabilities } from "../../src/engines/hosted/capabilities.ts";
import { createCapabilityStore } from "../../src/store/capabilities.ts";
import { type ApiKey, createKeyStore } from "../../src/store/keys.ts";
import { createRecordStore } from "../../src/store/records.ts";
import { readServiceSecret } from "../../src/store/service-secret.ts";
import { migrate } from "../support/migrate.ts";

beforeAll(() => migrate(env.DB));

/** A cache under a clock that the test moves. */
function createCache<V>() {
  const time = { nowMs: 0 };
  return { time, cache: createTtlCache<V>({ now: () => time.nowMs, ttlMs: 30_000, maxEntries: 3 }) };
}

describe("records", () => {
  const records = createRecordStore(env.BUCKET);

  test("are stored once as canonical JSON, with their hash", async () => {
    const stored = await records.put("acme", "run_1", { b: [1, { z: null, a: "ü" }], a: undefined });
    const text = '{"b":[1,{"a":"ü","z":null}]}';
    expect(stored).toEqual({ key: "records/acme/run_1.json", sha256: await sha256Hex(text) });
    const object = await env.BUCKET.get("records/acme/run_1.json");
    expect(await object?.text()).toBe(text);
    expect(object?.httpMetadata?.contentType).toBe("application/json");
  });

  test("may be put again as they are, and are never replaced", async () => {
    const first = await records.put("acme", "run_2", { answer: 1, of: "x" });
    expect(await records.put("acme", "run_2", { of: "x", answer: 1 })).toEqual(first);
    // Another version's projection of the same log: the first write stands, and its hash is what the ledger gets.
    expect(await records.put("acme", "run_2", { answer: 2 })).toEqual(first);
    expect(await (await env.BUCKET.get(first.key))?.json()).toEqual({ answer: 1, of: "x" });
  });

  test("are deleted, and deleting nothing is fine", async () => {
    const { key } = await records.put("acme", "run_3", {});
    await records.delete("acme", ["run_3", "run_unknown"]);
    await records.delete("acme", []);
    expect(await env.BUCKET.head(key)).toBeNull();
  });

  test("report a fault of R2 as one", async () => {
    const broken = new Proxy(env.BUCKET, { get: () => () => Promise.reject(new Error("secret inner text")) });
    await expect(createRecordStore(broken).ping()).rejects.toMatchObject({
      code: "records_unavailable",
      message: "The record store cannot be reached.",
    });
  });
});

describe("canonical JSON", () => {
  test("refuses what JSON cannot hold", () => {
    expect(() => canonicalJson({ a: Number.NaN })).toThrow("not finite");
    expect(() => canonicalJson({ a: () => 1 })).toThrow("not JSON");
    expect(() => canonicalJson(1n)).toThrow(TypeError);
  });

  test("writes a hole of an array as null, as JSON does", () => {
    expect(canonicalJson([1, undefined, "a"])).toBe('[1,null,"a"]');
  });
});

describe("API keys", () => {
  async function insert(id: string, revokedAt: string | null) {
    const sql = "INSERT INTO api_keys VALUES (?1, 'hash', 'acme', 'solve,datasets', 'n', '2026-01-01', ?2)";
    await env.DB.prepare(sql).bind(id, revokedAt).run();
  }

  test("are found with their scopes", async () => {
    await insert("found", null);
    const key = await createKeyStore(env.DB, createCache<ApiKey | null>().cache).find("found");
    expect(key).toEqual({
      key_id: "found",
      secret_sha256: "hash",
      tenant: "acme",
      scopes: new Set(["solve", "datasets"]),
      revoked_at: null,
    });
  });

  test("are cached for 30 s, as is that there is none", async () => {
    const { time, cache } = createCache<ApiKey | null>();
    const keys = createKeyStore(env.DB, cache);
    expect(await keys.find("later")).toBeNull();
    await insert("later", "2026-11-22T00:00:00Z");
    expect(await keys.find("later")).toBeNull();
    time.nowMs = 30_000;
    expect((await keys.find("later"))?.revoked_at).toBe("2026-11-22T00:00:00Z");
  });
});

describe("the cache", () => {
  test("drops the oldest entry beyond its size, and keeps no failure", async () => {
    const { cache } = createCache<string>();
    for (const key of ["a", "b", "c", "d"]) {
      await cache.get(key, () => Promise.resolve(key));
    }
    expect(await cache.get("a", () => Promise.resolve("loaded again"))).toBe("loaded again");
    expect(await cache.get("d", () => Promise.resolve("loaded again"))).toBe("d");
    await expect(cache.get("e", () => Promise.reject(new Error("down")))).rejects.toThrow("down");
    expect(await cache.get("e", () => Promise.resolve("up"))).toBe("up");
  });
});

describe("capabilities", () => {
  const value: Capabilities = { version: 1, refused: [], learnedAt: 5 };

  test("are read back by every isolate, and a put is seen at once", async () => {
    const { cache } = createCache<Capabilities | null>();
    const store = createCapabilityStore(env.DB, cache, () => 0);
    expect(await store.get("http://a#m")).toBeNull();
    await store.put("http://a#m", value);
    expect(await store.get("http://a#m")).toEqual(value);
    await store.put("http://a#m", { ...value, learnedAt: 6 });
    const other = createCapabilityStore(env.DB, createCache<Capabilities | null>().cache, () => 0);
    expect(await other.get("http://a#m")).toEqual({ ...value, learnedAt: 6 });
  });

  test("of an unknown shape count as not known", async () => {
    await env.DB.prepare("INSERT INTO engine_capabilities VALUES ('old', '{\"version\":0}', '2026')").run();
    const store = createCapabilityStore(env.DB, createCache<Capabilities | null>().cache, () => 0);
    expect(await store.get("old")).toBeNull();
  });
});

test("the first isolate's secret is everybody's", async () => {
  const fill = (byte: number) => (bytes: Uint8Array) => bytes.fill(byte);
  expect(await readServiceSecret(env.DB, "ticket", fill(1))).toBe("01".repeat(32));
  expect(await readServiceSecret(env.DB, "ticket", fill(2))).toBe("01".repeat(32));
});
