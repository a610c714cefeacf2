// Tells the operator's receiver that a dataset is ready, signed in the Standard Webhooks scheme. The dataset stands
// whatever becomes of this: tries are capped, and a receiver that never answers is given up with a line in the log.

import { err, ok, type Result } from "../src/lib/result.ts";
import { signWebhook } from "../src/lib/sign-webhook.ts";
import type { DatasetRow } from "../src/store/datasets.ts";
import type { ExportDeps } from "./export-deps.ts";

/** Long enough for a receiver that starts a job before it answers. */
const timeoutMs = 15_000;

export interface DatasetReady {
  readonly type: "dataset.ready";
  readonly tenant: string;
  readonly dataset_id: string;
  /** A path of this service. */
  readonly manifest_url: string;
  readonly counts: DatasetRow["counts"];
  readonly policy_versions: readonly string[];
  readonly created_at: string;
}

export function datasetReady(row: DatasetRow, policyVersions: readonly string[]): DatasetReady {
  return {
    type: "dataset.ready",
    tenant: row.tenant,
    dataset_id: row.dataset_id,
    manifest_url: `/v1/datasets/${row.dataset_id}/files/manifest.json`,
    counts: row.counts,
    policy_versions: policyVersions,
    created_at: row.created_at,
  };
}

/** One try. The error says why it failed; `final` where another try would fail alike. */
export async function sendDatasetReady(
  deps: Pick<ExportDeps, "fetch" | "clock" | "webhook">,
  message: DatasetReady,
): Promise<Result<null, { detail: string; isFinal: boolean }>> {
  if (deps.webhook === null) {
    return ok(null);
  }
  const body = JSON.stringify(message);
  const timestamp = Math.floor(deps.clock.now() / 1000);
  // The same id for every try: a receiver drops what it has seen.
  const signed = await signWebhook(deps.webhook.secret, { id: `${message.dataset_id}.ready`, timestamp, body });
  if (!signed.ok) {
    return err({ detail: signed.error, isFinal: true });
  }
  try {
    const response = await deps.fetch(deps.webhook.url, {
      method: "POST",
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
      headers: { "content-type": "application/json", ...signed.value },
      body,
    });
    // Nobody needs what it says.
    await response.body?.cancel();
    return response.ok ? ok(null) : err({ detail: `it answered ${response.status}`, isFinal: false });
  } catch (error) {
    return err({ detail: error instanceof Error ? error.message : String(error), isFinal: false });
  }
}
