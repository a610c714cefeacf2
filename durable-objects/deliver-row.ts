// One row of the outbox: what it does, and which rows follow from it. A throw is a fault of a store or of an object
// elsewhere, and the row is tried again.

import { unreachable } from "../src/lib/unreachable.ts";
import { askReward, type RewardAsks } from "./ask-reward.ts";
import { deliverEnd, type EndDeps, firstState } from "./deliver-end.ts";
import { deliverReport, deliverReward, type RewardDeps } from "./deliver-reward.ts";
import { eraseTraces, type ErasureDeps } from "./erasure.ts";
import { toCreatedRow } from "./ledger-rows.ts";
import type { NewOutboxRow, OutboxRow, RowOutcome } from "./outbox-table.ts";

export type RowDeps = EndDeps & RewardDeps & ErasureDeps & RewardAsks;

/** `signal` aborts when the try has taken too long. */
export async function deliverRow(deps: RowDeps, row: OutboxRow, signal: AbortSignal): Promise<RowOutcome> {
  switch (row.kind) {
    case "created":
      return delivered(await deliverCreation(deps, row.ordinal));
    case "ended":
      return delivered(await deliverEnd(deps, row.ordinal));
    case "report":
      return delivered(await deliverReport(deps, deps.store.outbox.payload(row)));
    case "ask":
      return askReward(deps, row, signal);
    case "reward":
      return delivered(await deliverReward(deps, row.ordinal, deps.store.outbox.payload(row)));
    case "erase":
      return delivered(await eraseTraces(deps));
    default:
      return unreachable(row.kind);
  }
}

function delivered(next: readonly NewOutboxRow[]): RowOutcome {
  return { kind: "delivered", next };
}

/** The first event says all that the ledger's row begins with. Where it cannot be read, the row comes with the end. */
async function deliverCreation(deps: RowDeps, ordinal: number): Promise<[]> {
  const state = firstState(deps.store, ordinal);
  if (state !== null) {
    await deps.ledger.recordCreated(toCreatedRow(deps.tenant, state));
  }
  return [];
}
