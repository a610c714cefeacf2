// The second half of an erasure, after the tombstone stands in the object: what the session left in D1 and R2. It
// may be cut short anywhere and is then done again from its start. D1 comes first, with the tombstone there: an export
// that finds a record gone asks it why, and would set the group aside for good as one that lost a record.

import type { Ledger } from "../src/store/ledger.ts";
import type { RecordStore } from "../src/store/records.ts";
import type { ToolResultStore } from "../src/store/tool-results.ts";
import { deleteDetails } from "./details.ts";
import type { SessionStore } from "./session-store.ts";

export interface ErasureDeps {
  readonly store: SessionStore;
  readonly ledger: Ledger;
  readonly records: RecordStore;
  readonly toolResults: Pick<ToolResultStore, "eraseSession">;
  readonly bucket: R2Bucket;
  readonly tenant: string;
}

export async function eraseTraces({ store, ledger, records, toolResults, bucket, tenant }: ErasureDeps): Promise<[]> {
  const sessionId = store.meta.get("session_id") ?? "";
  await ledger.eraseSession(tenant, sessionId, store.meta.get("erased_at") ?? "");
  await records.delete(tenant, store.erasing() ?? []);
  await deleteDetails(bucket, tenant, sessionId);
  await toolResults.eraseSession(tenant, sessionId);
  store.settleErasure();
  return [];
}
