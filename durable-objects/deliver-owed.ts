// What a session owes to R2 and D1 at this moment: its outbox, or, once it was erased, the removal of its traces.

import type { Env } from "../src/env.ts";
import { createLedger } from "../src/store/ledger.ts";
import { createRecordStore } from "../src/store/records.ts";
import { eraseTraces } from "./erasure.ts";
import { deliverOutbox, type OutboxDeps } from "./outbox.ts";

export type OwedDeps = Pick<OutboxDeps, "store" | "readLog" | "now" | "random" | "warn"> & {
  readonly env: Pick<Env, "DB" | "BUCKET">;
};

export async function deliverOwed({ env, ...deps }: OwedDeps): Promise<void> {
  const tenant = deps.store.getMeta("tenant");
  if (tenant === null) {
    return;
  }
  const stores = { ledger: createLedger(env.DB), records: createRecordStore(env.BUCKET) };
  const erasing = deps.store.erasing();
  if (erasing === null) {
    await deliverOutbox({ ...deps, ...stores, tenant });
  } else {
    await eraseTraces({ ...deps, ...stores, tenant, bucket: env.BUCKET }, erasing);
  }
}
