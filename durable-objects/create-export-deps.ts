// What an export works with, from the Worker's bindings and variables.

import { createClock } from "../src/engines/clock.ts";
import type { Env } from "../src/env.ts";
import { createClaimStore } from "../src/store/claims.ts";
import { createDatasetFiles } from "../src/store/dataset-files.ts";
import { createDatasetStore } from "../src/store/datasets.ts";
import { createExportStore } from "../src/store/exports.ts";
import { createLedger } from "../src/store/ledger.ts";
import { zstdCodecs } from "../src/training/dataset/codecs.ts";
import { isSetFull } from "../src/training/dataset/file-plan.ts";
import type { ExportDeps } from "./export-deps.ts";
import type { ExportProgress } from "./export-store.ts";
import { warn } from "./warn.ts";

export function createExportDeps(env: Env, progress: ExportProgress): ExportDeps {
  const url = env.DATASET_WEBHOOK_URL?.trim() ?? "";
  const ledger = createLedger(env.DB);
  return {
    progress,
    exports: createExportStore(env.DB),
    claims: createClaimStore(env.DB),
    datasets: createDatasetStore(env.DB),
    files: createDatasetFiles(env.BUCKET),
    bucket: env.BUCKET,
    isErased: (tenant, sessionId) => ledger.isErased(tenant, sessionId),
    clock: createClock(() => Date.now()),
    codecs: zstdCodecs,
    isSetFull,
    webhook: url === "" ? null : { url, secret: env.DATASET_WEBHOOK_SECRET?.trim() ?? "" },
    fetch: (input, init) => fetch(input, init),
    warn,
  };
}
