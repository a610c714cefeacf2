// Rollout records in R2, one object a run, written once. A second write of the same record is a success; a
// different one under the same key is a bug or an attack and is refused.

import { canonicalJson } from "../lib/canonical-json.ts";
import { sha256Hex } from "../lib/sha256.ts";
import { guardStore } from "./store-fault.ts";

/** R2 deletes at most a thousand keys a call. */
const maxKeysPerDelete = 1000;

export interface StoredRecord {
  readonly key: string;
  /** Hex, over the canonical JSON text that was stored. */
  readonly sha256: string;
}

/** Methods throw StoreFault (`records_unavailable`) when R2 fails. */
export interface RecordStore {
  put(tenant: string, runId: string, record: unknown): Promise<StoredRecord>;
  delete(tenant: string, runIds: readonly string[]): Promise<void>;
  /** Resolves when R2 answers. */
  ping(): Promise<void>;
}

export function recordKey(tenant: string, runId: string): string {
  return `records/${tenant}/${runId}.json`;
}

async function existingHash(bucket: R2Bucket, key: string): Promise<string | null> {
  const found = await bucket.get(key);
  return found === null ? null : sha256Hex(new Uint8Array(await found.arrayBuffer()));
}

async function putOnce(bucket: R2Bucket, key: string, body: string, sha256: string): Promise<void> {
  const written = await bucket.put(key, body, {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/json" },
    customMetadata: { sha256 },
  });
  // Null: the key is taken, normally by the same record before a crash.
  if (written === null && (await existingHash(bucket, key)) !== sha256) {
    throw new Error(`another record lies under ${key}`);
  }
}

export function createRecordStore(bucket: R2Bucket): RecordStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("records_unavailable", call);
  return {
    async put(tenant, runId, record) {
      const key = recordKey(tenant, runId);
      const body = canonicalJson(record);
      const sha256 = await sha256Hex(body);
      await guard(() => putOnce(bucket, key, body, sha256));
      return { key, sha256 };
    },
    delete: (tenant, runIds) =>
      guard(async () => {
        const keys = runIds.map((runId) => recordKey(tenant, runId));
        for (let start = 0; start < keys.length; start += maxKeysPerDelete) {
          await bucket.delete(keys.slice(start, start + maxKeysPerDelete));
        }
      }),
    ping: () =>
      guard(async () => {
        await bucket.head("records/");
      }),
  };
}
