// An export as a row of slices: claim, one set of files at a time, their validation, manifest, row, webhook. Each slice
// may be cut short anywhere and is done again from its start; what it settles is written before the next one begins.

import { unreachable } from "../src/lib/unreachable.ts";
import type { Claim } from "../src/store/claims.ts";
import type { ExportEnd, ExportRow } from "../src/store/exports.ts";
import { Manifest } from "../src/training/dataset/manifest.ts";
import { findClaim } from "./export-claim.ts";
import type { ExportDeps } from "./export-deps.ts";
import { abortUploads, buildSet, GroupBroke } from "./export-files.ts";
import { manifestOf, manifestPath, publish, putManifest } from "./export-manifest.ts";
import type { ExportState } from "./export-store.ts";
import { judgeSet } from "./export-validate.ts";
import { datasetReady, sendDatasetReady } from "./export-webhook.ts";

/** Each time takes away the groups that were refused; what is refused three times is a defect of this service. */
const maxRebuilds = 3;

interface Job {
  readonly deps: ExportDeps;
  readonly state: ExportState;
  readonly row: ExportRow;
}

/** Does what is next. Throws StoreFault where a store fails; the slice is then tried again later. */
export async function runSlice(deps: ExportDeps, state: ExportState, row: ExportRow): Promise<void> {
  const job = { deps, state, row };
  switch (state.stage) {
    case "claim":
      return claim(job);
    case "files":
      return files(job, await requireClaim(job));
    case "validate":
      return validate(job);
    case "manifest":
      return manifest(job, await requireClaim(job));
    case "publish":
      return publishRow(job, await requireClaim(job));
    case "webhook":
      return tell(job);
    case "done":
      return;
    default:
      return unreachable(state.stage);
  }
}

async function requireClaim({ deps, state }: Job): Promise<Claim> {
  const found = await deps.claims.find(state.tenant, state.claim_id);
  if (found === null) {
    throw new Error(`the claim ${state.claim_id} is not there`);
  }
  return found;
}

async function end({ deps, state }: Job, how: Omit<ExportEnd, "ended_at">): Promise<void> {
  const ended_at = new Date(deps.clock.now()).toISOString();
  await deps.exports.end(state.tenant, state.export_id, { ...how, ended_at });
  deps.progress.advance(state, { stage: "done" });
}

/** Ends an export that cannot go on. Its claim stays its own: a retry finds it and begins after it. */
export async function failExport(deps: ExportDeps, state: ExportState, code: string, detail: string): Promise<void> {
  // Before files go, so that whatever comes in between makes them anew and misses none.
  deps.progress.forgetSets();
  deps.progress.advance(state, { stage: "claim", rebuilds: 0 });
  // While their ids are known: the object that ends forgets them.
  await abortUploads(deps, state);
  if (state.dataset_id !== "" && (await deps.datasets.find(state.tenant, state.dataset_id)) === null) {
    await deps.files.deleteAll(state.dataset_id);
  }
  const ended_at = new Date(deps.clock.now()).toISOString();
  const error = { code, detail };
  await deps.exports.end(state.tenant, state.export_id, {
    status: "failed",
    dataset_id: null,
    counts: null,
    error,
    ended_at,
  });
  deps.progress.advance(state, { stage: "done" });
}

async function claim(job: Job): Promise<void> {
  const { deps, state, row } = job;
  const found = await findClaim(deps, row);
  switch (found.kind) {
    case "nothing":
      return end(job, { status: "empty", dataset_id: null, counts: null, error: null });
    case "failed":
      return failExport(deps, state, found.code, found.detail);
    case "found": {
      const { claim_id } = found.claim;
      const { dataset_id, claim_sha256 } = found.identity;
      const known = await deps.datasets.find(state.tenant, dataset_id);
      if (known !== null && known.deleted_at !== null) {
        return failExport(deps, state, "dataset_deleted", `This export would make ${dataset_id}, which was deleted.`);
      }
      // What was set aside for another dataset of this claim is set aside for good.
      deps.progress.quarantine(await deps.claims.quarantined(claim_id));
      await deps.exports.progress(state.tenant, state.export_id, dataset_id, await deps.claims.count(claim_id));
      if (known !== null) {
        // Another export has made it, after this one had begun to.
        await abortUploads(deps, state);
      }
      const stage = known === null ? "files" : "publish";
      return deps.progress.advance(state, { stage, claim_id, dataset_id, claim_sha256 });
    }
    default:
      return unreachable(found);
  }
}

async function files(job: Job, claimed: Claim): Promise<void> {
  const { deps, state, row } = job;
  try {
    const outcome = await buildSet(deps, state, claimed, row.request.advantage_spec);
    if (outcome === "last") {
      await afterFiles(job);
    } else {
      deps.progress.advance(state, {});
    }
  } catch (error) {
    if (!(error instanceof GroupBroke)) {
      throw error;
    }
    // The group is set aside; the set begins anew without it, and its uploads are thrown away.
    deps.progress.advance(state, {});
  }
}

async function afterFiles(job: Job): Promise<void> {
  const { deps, state } = job;
  if (deps.progress.sets().length > 0) {
    deps.progress.advance(state, { stage: "validate" });
    return;
  }
  const reasons = [...deps.progress.quarantined().values()];
  const erased = reasons.filter((reason) => reason === "erased").length;
  const counts = { groups: 0, rollouts: 0, turns: 0, invalid: {}, quarantined: reasons.length - erased, erased };
  await end(job, { status: "empty", dataset_id: null, counts, error: null });
}

async function validate({ deps, state, row }: Job): Promise<void> {
  const sets = deps.progress.sets();
  const next = sets.find(({ validated }) => !validated);
  if (next === undefined) {
    deps.progress.advance(state, { stage: "manifest" });
    return;
  }
  const verdict = await judgeSet(deps, state.dataset_id, row.request.advantage_spec, next);
  switch (verdict.kind) {
    case "valid":
      deps.progress.markValidated(next.ordinal);
      return deps.progress.advance(state, {});
    case "groups":
      if (state.rebuilds >= maxRebuilds) {
        return failExport(deps, state, "validation_failed", verdict.detail);
      }
      deps.warn(`the validator refused groups of ${state.dataset_id}`, verdict.detail);
      deps.progress.quarantine(verdict.reasons);
      // There may be fewer sets than before.
      await deps.files.deleteAll(state.dataset_id);
      deps.progress.forgetSets();
      return deps.progress.advance(state, { stage: "files", rebuilds: state.rebuilds + 1 });
    case "file":
      return failExport(deps, state, "file_broken", verdict.detail);
    default:
      return unreachable(verdict);
  }
}

async function manifest({ deps, state, row }: Job, claimed: Claim): Promise<void> {
  const made = manifestOf(deps, state, { claim: claimed, spec: row.request.advantage_spec }, deps.progress.sets());
  await putManifest(deps, state, made);
  deps.progress.advance(state, { stage: "publish" });
}

async function publishRow({ deps, state, row }: Job, claimed: Claim): Promise<void> {
  await publish(deps, state, claimed, row.request.advantage_spec);
  deps.progress.advance(state, { stage: deps.webhook === null ? "done" : "webhook" });
}

async function tell({ deps, state }: Job): Promise<void> {
  const dataset = await deps.datasets.find(state.tenant, state.dataset_id);
  const text = await deps.files.readText(state.dataset_id, manifestPath);
  if (dataset === null || dataset.deleted_at !== null || text === null) {
    // There is nothing to tell of any more.
    deps.progress.advance(state, { stage: "done" });
    return;
  }
  const versions = Manifest.parse(JSON.parse(text)).policy_versions.map(({ version }) => version);
  const sent = await sendDatasetReady(deps, datasetReady(dataset, versions));
  if (sent.ok) {
    deps.progress.advance(state, { stage: "done" });
    return;
  }
  if (sent.error.isFinal) {
    deps.warn(`nobody is told of ${state.dataset_id}`, sent.error.detail);
    deps.progress.advance(state, { stage: "done" });
    return;
  }
  throw new WebhookRefused(sent.error.detail);
}

/** The receiver did not take it: to be tried again, a few times. */
export class WebhookRefused extends Error {
  constructor(detail: string) {
    super(`the webhook failed: ${detail}`);
    this.name = "WebhookRefused";
  }
}
