// The commit of an export: the card, then the manifest, create-only and last of all files; then the dataset's row,
// which ends the export. Each part may be repeated and comes out the same.

import { sha256Hex } from "../src/lib/sha256.ts";
import type { Claim } from "../src/store/claims.ts";
import { StoreFault } from "../src/store/store-fault.ts";
import type { DatasetRow } from "../src/store/datasets.ts";
import { parseAdvantageSpec } from "../src/training/advantage-spec.ts";
import { cardPath, toCard } from "../src/training/dataset/card.ts";
import { Manifest, manifestText, toManifest } from "../src/training/dataset/manifest.ts";
import { claimTerms } from "./export-group.ts";
import type { ExportDeps } from "./export-deps.ts";
import type { ClosedSet, ExportState } from "./export-store.ts";

export const manifestPath = "manifest.json";

/** What these sets hold; without the card, which is made from it. */
export function manifestOf(
  deps: Pick<ExportDeps, "progress">,
  state: ExportState,
  { claim, spec }: { claim: Claim; spec: string },
  sets: readonly ClosedSet[],
): Manifest {
  const parsed = parseAdvantageSpec(spec);
  if (!parsed.ok) {
    throw new Error(`${spec} is ${parsed.error}`);
  }
  const reasons = [...deps.progress.quarantined().values()];
  const erased = reasons.filter((reason) => reason === "erased").length;
  return toManifest({
    identity: { dataset_id: state.dataset_id, claim_sha256: state.claim_sha256 },
    terms: claimTerms(claim, parsed.value),
    claimedAt: claim.claimed_at,
    trigger: claim.trigger,
    sets: sets.map(({ stats }) => stats),
    quarantined: reasons.length - erased,
    erased,
    files: sets.flatMap(({ files }) => files),
  });
}

/** Puts card and manifest. The manifest that stands in the end, which is this one unless another export was first. */
export async function putManifest(deps: ExportDeps, state: ExportState, manifest: Manifest): Promise<void> {
  const card = toCard(manifest);
  const bytes = new TextEncoder().encode(card);
  await deps.files.put(state.dataset_id, cardPath, bytes);
  const entry = { path: cardPath, table: null, rows: null, bytes: bytes.byteLength, sha256: await sha256Hex(bytes) };
  const text = manifestText({ ...manifest, files: [...manifest.files, entry] });
  await deps.files.create(state.dataset_id, manifestPath, text);
}

/** The row as the manifest in R2 tells it. */
export async function publish(deps: ExportDeps, state: ExportState, claim: Claim, spec: string): Promise<DatasetRow> {
  const text = await deps.files.readText(state.dataset_id, manifestPath);
  if (text === null) {
    throw new StoreFault("records_unavailable", new Error(`${state.dataset_id} has no manifest`));
  }
  const manifest = Manifest.parse(JSON.parse(text));
  const row = {
    dataset_id: state.dataset_id,
    tenant: state.tenant,
    export_id: state.export_id,
    claim_id: claim.claim_id,
    advantage_spec: spec,
    created_at: manifest.created_at,
    counts: manifest.counts,
    manifest_sha256: await sha256Hex(text),
  };
  const ended_at = new Date(deps.clock.now()).toISOString();
  const end = { status: "completed", dataset_id: row.dataset_id, counts: row.counts, error: null, ended_at } as const;
  await deps.datasets.publish(row, end, state.export_id);
  return { ...row, deleted_at: null };
}
