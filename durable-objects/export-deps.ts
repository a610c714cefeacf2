// What the slices of an export work with: its own progress, the stores, time, and where to say that a dataset is
// ready. The object builds it from its bindings; nothing below it knows them.

import type { Clock } from "../src/engines/clock.ts";
import type { ClaimStore } from "../src/store/claims.ts";
import type { DatasetFiles } from "../src/store/dataset-files.ts";
import type { DatasetStore } from "../src/store/datasets.ts";
import type { ExportStore } from "../src/store/exports.ts";
import type { Codecs } from "../src/training/dataset/codecs.ts";
import type { SetSize } from "../src/training/dataset/file-plan.ts";
import type { ExportProgress } from "./export-store.ts";

export interface ExportDeps {
  readonly progress: ExportProgress;
  readonly exports: ExportStore;
  readonly claims: ClaimStore;
  readonly datasets: DatasetStore;
  readonly files: DatasetFiles;
  /** Of the rollout records. */
  readonly bucket: R2Bucket;
  readonly isErased: (tenant: string, sessionId: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly codecs: Codecs;
  /** When a set of files is closed; the contract's bound. */
  readonly isSetFull: (size: SetSize) => boolean;
  /** Null: nobody is told. */
  readonly webhook: { readonly url: string; readonly secret: string } | null;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly warn: (message: string, error: unknown) => void;
}
