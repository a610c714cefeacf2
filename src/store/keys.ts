// API keys in D1, by their public id. Only a hash of the secret is stored; the key itself is printed once by
// `npm run keys:create` and is nowhere else.

import * as z from "zod";
import type { TtlCache } from "../lib/ttl-cache.ts";
import { guardStore } from "./store-fault.ts";

export const Scope = z.enum(["solve", "tools", "rollouts", "datasets", "admin"]);
export type Scope = z.infer<typeof Scope>;

export const ApiKey = z.object({
  key_id: z.string(),
  secret_sha256: z.string(),
  tenant: z.string(),
  scopes: z.string().transform((text) => new Set(text.split(","))),
  revoked_at: z.string().nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** A tenant's name is part of object names and of keys in R2. */
export const TenantName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);

export interface KeyStore {
  /** Null when there is no such key. A revoked key is found; the caller refuses it. */
  find(keyId: string): Promise<ApiKey | null>;
}

/** A cached key works for at most the cache's time to live after it was revoked. */
export function createKeyStore(db: D1Database, cache: TtlCache<ApiKey | null>): KeyStore {
  async function load(keyId: string): Promise<ApiKey | null> {
    const row = await db
      .prepare("SELECT key_id, secret_sha256, tenant, scopes, revoked_at FROM api_keys WHERE key_id = ?1")
      .bind(keyId)
      .first();
    return row === null ? null : ApiKey.parse(row);
  }
  return { find: (keyId) => cache.get(keyId, () => guardStore("ledger_unavailable", () => load(keyId))) };
}
