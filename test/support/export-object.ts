// Exports as the worker tests see them: a row, its object, its dataset in R2. A crash drops the object where it
// stands; nothing here asserts more than that what is asked for is there.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { hashedId } from "../../src/lib/ids.ts";
import { sha256 } from "../../src/lib/sha256.ts";
import { createExportStore, type ExportRow } from "../../src/store/exports.ts";
import { zstdCodecs } from "../../src/training/dataset/codecs.ts";
import type { RowOf, Table } from "../../src/training/dataset/columns.ts";
import { GroupTableRow, RolloutTableRow, TurnTableRow } from "../../src/training/dataset/columns.ts";
import { Manifest } from "../../src/training/dataset/manifest.ts";
import { openTable } from "../../src/training/dataset/read-table.ts";
import type { ClaimRequest, ExportRequest } from "../../src/training/export-request.ts";
import { until } from "./session-object.ts";

export const exportStore = createExportStore(env.DB);

export function claimRequest(more: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    kind: "claim",
    advantage_spec: "grpo/trajectory/std=n-1/eps=1e-6",
    options: { min_valid: null, allow_partial: false, max_staleness: 4, pass_at: 1 },
    batch_id: null,
    policy_version: null,
    closed_before: null,
    ...more,
  };
}

export async function exportIdOf(name: string): Promise<string> {
  return hashedId("exp", await sha256(name));
}

/** The row alone: what a POST leaves when its isolate dies before the object is woken. */
export async function acceptExport(tenant: string, name: string, request: ExportRequest = claimRequest()) {
  const export_id = await exportIdOf(`${tenant}/${name}`);
  const created_at = "2026-11-22T12:00:00.000Z";
  return exportStore.create({ export_id, tenant, trigger: "request", request, created_at });
}

export function exporterOf({ tenant, export_id }: Pick<ExportRow, "tenant" | "export_id">) {
  return env.EXPORTER.getByName(`${tenant}/${export_id}`);
}

export async function wake(row: Pick<ExportRow, "tenant" | "export_id">): Promise<void> {
  await exporterOf(row).wake(row.tenant, row.export_id);
}

export async function current({ tenant, export_id }: Pick<ExportRow, "tenant" | "export_id">): Promise<ExportRow> {
  return (await exportStore.find(tenant, export_id)) ?? expect.unreachable(`there is no ${export_id}`);
}

export async function ended(row: Pick<ExportRow, "tenant" | "export_id">): Promise<ExportRow> {
  await until(async () => (await current(row)).ended_at !== null);
  return current(row);
}

/** Accepted, woken and waited for. */
export async function exported(tenant: string, name: string, request?: ExportRequest): Promise<ExportRow> {
  const row = await acceptExport(tenant, name, request);
  await wake(row);
  return ended(row);
}

/** Whether the object holds anything at all. */
export async function isObjectEmpty(row: ExportRow): Promise<boolean> {
  return runInDurableObject(exporterOf(row), async (_, state) => {
    const tables = state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'");
    return tables.toArray().length === 0 && (await state.storage.getAlarm()) === null;
  });
}

/** Every file of a dataset by its path, as hex of SHA-256. */
export async function fileHashes(datasetId: string): Promise<Map<string, string>> {
  const { objects } = await env.BUCKET.list({ prefix: `datasets/${datasetId}/` });
  const hashes = new Map<string, string>();
  for (const { key } of objects) {
    const hash = zstdCodecs.sha256();
    hash.update(new Uint8Array((await (await env.BUCKET.get(key))?.arrayBuffer()) ?? new ArrayBuffer()));
    hashes.set(key.replace(`datasets/${datasetId}/`, ""), hash.digest());
  }
  return hashes;
}

export async function manifestOf(datasetId: string | null): Promise<Manifest> {
  const object = await env.BUCKET.get(`datasets/${datasetId ?? ""}/manifest.json`);
  return Manifest.parse(await (object ?? expect.unreachable(`${datasetId} has no manifest`)).json());
}

const rowSchemas = { turns: TurnTableRow, rollouts: RolloutTableRow, groups: GroupTableRow };

/** All rows of a table, over the manifest's files or those that are named. */
export async function rowsOf<T extends Table>(
  datasetId: string | null,
  table: T,
  paths?: readonly string[],
): Promise<RowOf[T][]>;
export async function rowsOf(datasetId: string | null, table: Table, paths?: readonly string[]): Promise<unknown[]> {
  const rows: unknown[] = [];
  for (const path of paths ?? (await pathsOf(datasetId, table))) {
    const object = await env.BUCKET.get(`datasets/${datasetId ?? ""}/${path}`);
    const bytes = new Uint8Array((await object?.arrayBuffer()) ?? new ArrayBuffer());
    const read = (start: number, end: number) => Promise.resolve(bytes.slice(start, end));
    const opened = await openTable(table, { byteLength: bytes.length, read }, zstdCodecs);
    for await (const group of opened.rowGroups()) {
      rows.push(...group.map((row) => rowSchemas[table].parse(row)));
    }
  }
  return rows;
}

async function pathsOf(datasetId: string | null, table: Table): Promise<string[]> {
  const { files } = await manifestOf(datasetId);
  return files.filter((file) => file.table === table).map(({ path }) => path);
}
