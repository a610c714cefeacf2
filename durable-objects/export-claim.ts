// The first slice: finds the claim of an export, or makes it. It reads what the ledger says before it claims, so that
// a crash after the claim never makes a second one; then it names the dataset by a hash of what was frozen.

import { unreachable } from "../src/lib/unreachable.ts";
import type { Claim } from "../src/store/claims.ts";
import type { ExportRow } from "../src/store/exports.ts";
import { exporter } from "../src/training/dataset/columns.ts";
import { createClaimHasher, type DatasetIdentity } from "../src/training/dataset/dataset-id.ts";
import type { ExportDeps } from "./export-deps.ts";

/** Groups whose frozen rows are read at once. */
const groupsPerPage = 200;

export type FoundClaim =
  | { readonly kind: "found"; readonly claim: Claim; readonly identity: DatasetIdentity }
  | { readonly kind: "nothing" }
  | { readonly kind: "failed"; readonly code: string; readonly detail: string };

export async function findClaim(deps: ExportDeps, row: ExportRow): Promise<FoundClaim> {
  const found = await claimOf(deps, row);
  if (found.kind !== "found") {
    return found;
  }
  const identity = await identify(deps, found.claim.claim_id, row.request.advantage_spec);
  return { ...found, identity };
}

type Claimed = Exclude<FoundClaim, { kind: "found" }> | { readonly kind: "found"; readonly claim: Claim };

async function claimOf(deps: ExportDeps, { export_id, tenant, trigger, request }: ExportRow): Promise<Claimed> {
  switch (request.kind) {
    case "claim": {
      const claimed_at = new Date(deps.clock.now()).toISOString();
      const claim =
        (await deps.claims.find(tenant, export_id)) ??
        (await deps.claims.claim({
          claim_id: export_id,
          tenant,
          claimed_at,
          trigger,
          request,
          exporter_version: exporter.version,
        }));
      return claim === null ? { kind: "nothing" } : { kind: "found", claim };
    }
    case "from_dataset": {
      const source = await deps.datasets.find(tenant, request.dataset_id);
      const claim = source === null ? null : await deps.claims.find(tenant, source.claim_id);
      return claim === null
        ? { kind: "failed", code: "unknown_dataset", detail: `${request.dataset_id} is not there.` }
        : { kind: "found", claim };
    }
    default:
      return unreachable(request);
  }
}

/** Over the rollouts in the dataset's order, page by page. */
async function identify(deps: ExportDeps, claimId: string, spec: string): Promise<DatasetIdentity> {
  const hasher = createClaimHasher(spec, deps.codecs);
  for (let after = ""; ;) {
    const { groups, isLast } = await deps.claims.page(claimId, after, groupsPerPage);
    for (const { group, rollouts } of groups) {
      after = group.group_id;
      for (const rollout of rollouts) {
        hasher.add(rollout);
      }
    }
    if (isLast) {
      return hasher.identity();
    }
  }
}
