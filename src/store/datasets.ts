// Datasets in D1: whose they are, which export made them, what they count, and which policies were trained on them.
// The files lie in R2 (dataset-files.ts); a row is written only after the manifest, so what is listed can be read.

import * as z from "zod";
import { type ExportEnd, endExport, ExportCounts } from "./exports.ts";
import { guardStore } from "./store-fault.ts";

export const DatasetRow = z.object({
  dataset_id: z.string(),
  tenant: z.string(),
  export_id: z.string(),
  claim_id: z.string(),
  advantage_spec: z.string(),
  created_at: z.string(),
  counts: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(ExportCounts),
  manifest_sha256: z.string(),
  deleted_at: z.string().nullable(),
});
export type DatasetRow = z.infer<typeof DatasetRow>;

export const TrainedPolicy = z.object({ version: z.string(), policy_step: z.int().nullable() });
export type TrainedPolicy = z.infer<typeof TrainedPolicy>;

export interface DatasetPosition {
  readonly created_at: string;
  readonly dataset_id: string;
}

export interface ListDatasets {
  readonly tenant: string;
  readonly limit: number;
  readonly before: DatasetPosition | null;
}

/** All methods throw StoreFault (`ledger_unavailable`) when D1 fails. */
export interface DatasetStore {
  /** Lists the dataset and ends its export, in one transaction that may be repeated. */
  publish(row: Omit<DatasetRow, "deleted_at">, end: ExportEnd, exportId: string): Promise<void>;
  /** A deleted one too, with its time. */
  find(tenant: string, datasetId: string): Promise<DatasetRow | null>;
  /** Newest first, without deleted ones. */
  list(query: ListDatasets): Promise<{ rows: DatasetRow[]; hasMore: boolean }>;
  markDeleted(tenant: string, datasetId: string, at: string): Promise<void>;
  /** The policies that say they were trained on it, oldest first. */
  trainedOn(tenant: string, datasetId: string): Promise<TrainedPolicy[]>;
}

const insert = `
  INSERT INTO datasets (dataset_id, tenant, export_id, claim_id, advantage_spec, created_at, counts, manifest_sha256)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (dataset_id) DO NOTHING`;

const selectTrained = `
  SELECT policy_datasets.version, policies.policy_step FROM policy_datasets
  LEFT JOIN policies USING (tenant, version)
  WHERE policy_datasets.dataset_id = ?2 AND policy_datasets.tenant = ?1 ORDER BY policies.policy_step LIMIT 1000`;

function pageStatement(db: D1Database, { tenant, limit, before }: ListDatasets): D1PreparedStatement {
  const older = before === null ? "" : "AND (created_at, dataset_id) < (?3, ?4)";
  return db
    .prepare(
      `SELECT * FROM datasets WHERE tenant = ?1 AND deleted_at IS NULL ${older}
       ORDER BY created_at DESC, dataset_id DESC LIMIT ?2`,
    )
    .bind(tenant, limit + 1, ...(before === null ? [] : [before.created_at, before.dataset_id]));
}

function insertStatement(db: D1Database, row: Omit<DatasetRow, "deleted_at">): D1PreparedStatement {
  return db
    .prepare(insert)
    .bind(
      row.dataset_id,
      row.tenant,
      row.export_id,
      row.claim_id,
      row.advantage_spec,
      row.created_at,
      JSON.stringify(row.counts),
      row.manifest_sha256,
    );
}

export function createDatasetStore(db: D1Database): DatasetStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  return {
    async publish(row, end, exportId) {
      await guard(() => db.batch([insertStatement(db, row), endExport(db, row.tenant, exportId, end)]));
    },
    async find(tenant, datasetId) {
      const row = await guard(() =>
        db.prepare("SELECT * FROM datasets WHERE tenant = ?1 AND dataset_id = ?2").bind(tenant, datasetId).first(),
      );
      return row === null ? null : DatasetRow.parse(row);
    },
    async list(query) {
      const { results } = await guard(() => pageStatement(db, query).all());
      const rows = results.slice(0, query.limit).map((row) => DatasetRow.parse(row));
      return { rows, hasMore: results.length > query.limit };
    },
    async markDeleted(tenant, datasetId, at) {
      await guard(() =>
        db
          .prepare("UPDATE datasets SET deleted_at = ?3 WHERE tenant = ?1 AND dataset_id = ?2 AND deleted_at IS NULL")
          .bind(tenant, datasetId, at)
          .run(),
      );
    },
    async trainedOn(tenant, datasetId) {
      const { results } = await guard(() => db.prepare(selectTrained).bind(tenant, datasetId).all());
      return results.map((row) => TrainedPolicy.parse(row));
    },
  };
}
