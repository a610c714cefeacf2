// Exports in D1: what was asked, how far it is, how it ended. A row is written before its object is woken, so that an
// export that was accepted is never lost: the cron wakes every one that has not ended.

import * as z from "zod";
import { ExportRequest, ExportStatus, ExportTrigger } from "../training/export-request.ts";
import { guardStore } from "./store-fault.ts";

/** One sweep wakes and starts so many at most; the next one takes the rest. */
const maxSwept = 500;

/** Numbers by name, some of them by reason; what the claim took at first, the manifest's in the end. */
export const ExportCounts = z.record(z.string(), z.union([z.number(), z.record(z.string(), z.number())]));
export type ExportCounts = z.infer<typeof ExportCounts>;

function jsonColumn<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
}

export const ExportRow = z.object({
  export_id: z.string(),
  tenant: z.string(),
  status: ExportStatus,
  trigger: ExportTrigger,
  request: jsonColumn(ExportRequest),
  created_at: z.string(),
  ended_at: z.string().nullable(),
  dataset_id: z.string().nullable(),
  counts: jsonColumn(ExportCounts).nullable(),
  error_code: z.string().nullable(),
  error_detail: z.string().nullable(),
});
export type ExportRow = z.infer<typeof ExportRow>;

export type NewExport = Pick<ExportRow, "export_id" | "tenant" | "trigger" | "request" | "created_at">;

export interface ExportEnd {
  readonly status: "completed" | "empty" | "failed";
  readonly dataset_id: string | null;
  readonly counts: ExportCounts | null;
  readonly error: { readonly code: string; readonly detail: string } | null;
  readonly ended_at: string;
}

export interface ExportPosition {
  readonly created_at: string;
  readonly export_id: string;
}

export interface ListExports {
  readonly tenant: string;
  readonly limit: number;
  readonly before: ExportPosition | null;
}

/** All methods throw StoreFault (`ledger_unavailable`) when D1 fails. Writes may be repeated. */
export interface ExportStore {
  /** The row as it stands afterwards: an earlier one with this id is kept. */
  create(row: NewExport): Promise<ExportRow>;
  find(tenant: string, exportId: string): Promise<ExportRow | null>;
  list(query: ListExports): Promise<{ rows: ExportRow[]; hasMore: boolean }>;
  /** What is known on the way. Nothing changes once the export has ended. */
  progress(tenant: string, exportId: string, datasetId: string | null, counts: ExportCounts): Promise<void>;
  end(tenant: string, exportId: string, end: ExportEnd): Promise<void>;
  /** A failed export is queued again, with the claim that it has; any other is left as it is. */
  retry(tenant: string, exportId: string): Promise<void>;
  /** The oldest that have not ended. */
  unended(): Promise<Pick<ExportRow, "tenant" | "export_id">[]>;
  /** Tenants with complete groups that nobody has claimed and that closed at or before this time (RFC 3339). */
  tenantsWithGroups(closedBefore: string): Promise<string[]>;
}

const insert = `
  INSERT INTO exports (export_id, tenant, status, trigger, request, created_at)
  VALUES (?1, ?2, 'queued', ?3, ?4, ?5) ON CONFLICT (export_id) DO NOTHING`;

const selectTenants = `
  SELECT DISTINCT tenant FROM groups
  WHERE split = 'train' AND claim_id IS NULL AND closed_at IS NOT NULL AND closed_at <= ?1 AND complete = 1
    AND quarantine_reason IS NULL
  ORDER BY tenant LIMIT ${maxSwept}`;

const ExportName = z.object({ tenant: z.string(), export_id: z.string() });

/** The statement that ends an export, for a transaction with what its end brings. */
export function endExport(db: D1Database, tenant: string, exportId: string, end: ExportEnd): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE exports SET status = ?3, dataset_id = ?4, counts = coalesce(?5, counts), error_code = ?6,
        error_detail = ?7, ended_at = ?8 WHERE tenant = ?1 AND export_id = ?2 AND ended_at IS NULL`,
    )
    .bind(
      tenant,
      exportId,
      end.status,
      end.dataset_id,
      end.counts === null ? null : JSON.stringify(end.counts),
      end.error?.code ?? null,
      end.error?.detail ?? null,
      end.ended_at,
    );
}

function pageStatement(db: D1Database, { tenant, limit, before }: ListExports): D1PreparedStatement {
  const older = before === null ? "" : "AND (created_at, export_id) < (?3, ?4)";
  // One more than asked tells whether there is another page.
  return db
    .prepare(`SELECT * FROM exports WHERE tenant = ?1 ${older} ORDER BY created_at DESC, export_id DESC LIMIT ?2`)
    .bind(tenant, limit + 1, ...(before === null ? [] : [before.created_at, before.export_id]));
}

export function createExportStore(db: D1Database): ExportStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  const find: ExportStore["find"] = async (tenant, exportId) => {
    const row = await guard(() =>
      db.prepare("SELECT * FROM exports WHERE tenant = ?1 AND export_id = ?2").bind(tenant, exportId).first(),
    );
    return row === null ? null : ExportRow.parse(row);
  };
  return {
    find,
    async create({ export_id, tenant, trigger, request, created_at }) {
      await guard(() => db.prepare(insert).bind(export_id, tenant, trigger, JSON.stringify(request), created_at).run());
      const row = await find(tenant, export_id);
      if (row === null) {
        throw new Error(`${export_id} belongs to another tenant`);
      }
      return row;
    },
    async list(query) {
      const { results } = await guard(() => pageStatement(db, query).all());
      const rows = results.slice(0, query.limit).map((row) => ExportRow.parse(row));
      return { rows, hasMore: results.length > query.limit };
    },
    async progress(tenant, exportId, datasetId, counts) {
      await guard(() =>
        db
          .prepare(
            `UPDATE exports SET status = 'running', dataset_id = coalesce(?3, dataset_id), counts = ?4
             WHERE tenant = ?1 AND export_id = ?2 AND ended_at IS NULL`,
          )
          .bind(tenant, exportId, datasetId, JSON.stringify(counts))
          .run(),
      );
    },
    async end(tenant, exportId, end) {
      await guard(() => endExport(db, tenant, exportId, end).run());
    },
    async retry(tenant, exportId) {
      await guard(() =>
        db
          .prepare(
            `UPDATE exports SET status = 'queued', error_code = NULL, error_detail = NULL, ended_at = NULL
             WHERE tenant = ?1 AND export_id = ?2 AND status = 'failed'`,
          )
          .bind(tenant, exportId)
          .run(),
      );
    },
    async unended() {
      const { results } = await guard(() =>
        db
          .prepare(`SELECT tenant, export_id FROM exports WHERE ended_at IS NULL ORDER BY created_at LIMIT ${maxSwept}`)
          .all(),
      );
      return results.map((row) => ExportName.parse(row));
    },
    async tenantsWithGroups(closedBefore) {
      const { results } = await guard(() => db.prepare(selectTenants).bind(closedBefore).all());
      return results.map((row) => String(row["tenant"]));
    },
  };
}
