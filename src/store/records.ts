// Rollout records in R2, one object a run, written once: the first write stands, and a later one is told its hash.
// A record is never overwritten, for datasets are made from it.

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
  /** The stored text as it is; null where there is none (yet). */
  open(tenant: string, runId: string): Promise<ReadableStream<Uint8Array> | null>;
  delete(tenant: string, runIds: readonly string[]): Promise<void>;
  /** Resolves when R2 answers. */
  ping(): Promise<void>;
}

export function recordKey(tenant: string, runId: string): string {
  return `records/${tenant}/${runId}.json`;
}

/** The hash of what lies under the key in the end: of `body`, or of a record that was there first. */
async function putOnce(bucket: R2Bucket, key: string, body: Uint8Array, sha256: string): Promise<string> {
  const written = await bucket.put(key, body, {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/json" },
    customMetadata: { sha256 },
  });
  // Null: the key is taken, by this record before a crash, or by an earlier version's projection of the same log.
  return written === null ? ((await bucket.head(key))?.customMetadata?.["sha256"] ?? sha256) : sha256;
}

export function createRecordStore(bucket: R2Bucket): RecordStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("records_unavailable", call);
  return {
    async put(tenant, runId, record) {
      const key = recordKey(tenant, runId);
      const body = new TextEncoder().encode(canonicalJson(record));
      const sha256 = await sha256Hex(body);
      return { key, sha256: await guard(() => putOnce(bucket, key, body, sha256)) };
    },
    open: (tenant, runId) =>
      guard(async () => {
        const found = await bucket.get(recordKey(tenant, runId));
        return found === null ? null : found.body;
      }),
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
