// The second half of an erasure, after the tombstone stands in the object: what the session left in R2 and D1. It
// may be cut short anywhere and is then done again from its start; a fault of R2 or D1 is never thrown.

import type { Ledger } from "../src/store/ledger.ts";
import type { RecordStore } from "../src/store/records.ts";
import { deleteDetails } from "./details.ts";
import type { SessionStore } from "./session-store.ts";

export interface ErasureDeps {
  readonly store: SessionStore;
  readonly ledger: Ledger;
  readonly records: RecordStore;
  readonly bucket: R2Bucket;
  readonly tenant: string;
  readonly warn: (message: string, error: unknown) => void;
}

/** `runIds`: as `store.erasing()` names them. */
export async function eraseTraces(deps: ErasureDeps, runIds: readonly string[]): Promise<void> {
  const { store, ledger, records, bucket, tenant } = deps;
  try {
    await records.delete(tenant, runIds);
    // One after the other: at most six requests may wait for headers in one invocation (platform limit).
    for (const runId of runIds) {
      await deleteDetails(bucket, tenant, runId);
    }
    await ledger.eraseSession(tenant, store.getMeta("session_id") ?? "", store.getMeta("erased_at") ?? "");
    store.settleErasure();
  } catch (error) {
    deps.warn("an erasure waits", error);
  }
}
