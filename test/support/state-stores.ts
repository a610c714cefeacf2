// D1 and R2 of a server's state folder while no server runs on it, for what a test wants to find there; and a look at
// the folder's R2 beside a running server, which changes nothing.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { getPlatformProxy } from "wrangler";
import { migrateLedger } from "../../scripts/lib/dev-server.ts";
import type { Stores } from "./training-fixtures.ts";

const root = resolve(import.meta.dirname, "../..");

/** Names and ids as in wrangler.toml, without the objects, whose code is not here. */
const config = `
name = "agentflow-edge"
compatibility_date = "2026-10-15"
[[r2_buckets]]
binding = "BUCKET"
bucket_name = "agentflow-data"
[[d1_databases]]
binding = "DB"
database_name = "agentflow"
database_id = "00000000-0000-0000-0000-000000000000"
migrations_dir = "${join(root, "migrations")}"
`;

/** Migrates the folder if it is new. */
export async function withStores<T>(stateDir: string, use: (stores: Stores) => Promise<T>): Promise<T> {
  mkdirSync(stateDir, { recursive: true });
  migrateLedger(stateDir);
  const configPath = join(stateDir, "stores.toml");
  writeFileSync(configPath, config);
  const proxy = await getPlatformProxy<{ DB: D1Database; BUCKET: R2Bucket }>({
    configPath,
    persist: { path: join(stateDir, "wrangler", "v3") },
  });
  try {
    return await use(proxy.env);
  } finally {
    await proxy.dispose();
  }
}

/** Keys of the folder's R2 under a prefix, as they stand on the disk. */
export function keysOnDisk(stateDir: string, prefix: string): string[] {
  const folder = join(stateDir, "wrangler", "v3", "r2", "miniflare-R2BucketObject");
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".sqlite")) : [];
  return files.flatMap((file) => {
    const database = new DatabaseSync(join(folder, file), { readOnly: true });
    try {
      const rows = database.prepare("SELECT key FROM _mf_objects WHERE key LIKE ? ORDER BY key").all(`${prefix}%`);
      return rows.map((row) => String(row["key"]));
    } catch {
      // Another of wrangler's own databases.
      return [];
    } finally {
      database.close();
    }
  });
}
