// Datasets: the list, a manifest with where it came from and what was trained on it, and the files. Files never
// change, so their hash is their ETag; they are streamed by ranges and never compressed on the way.

import * as z from "zod";
import { ExportCounts } from "../../store/exports.ts";
import { contentTypeOf } from "../../store/dataset-files.ts";
import { type DatasetRow, TrainedPolicy } from "../../store/datasets.ts";
import { Manifest } from "../../training/dataset/manifest.ts";
import { isKnown, partOf } from "../byte-range.ts";
import { notFound } from "../call-session.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { type App, type Call, mount } from "../mount.ts";
import { HttpError } from "../problem.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { IdParam, ListRunsQuery, pageOf } from "../wire.ts";

const manifestPath = "manifest.json";

const DatasetSummary = z.strictObject({
  id: z.string(),
  created_at: z.string().describe("When its rollouts were claimed."),
  export_id: z.string(),
  advantage_spec: z.string(),
  counts: ExportCounts,
});

const DatasetObject = z.strictObject({
  ...Manifest.shape,
  export_id: z.string(),
  policies: z.strictObject({
    made_it: z.array(z.string()).describe("The planner versions whose turns it holds."),
    trained_on_it: z.array(TrainedPolicy).describe("The versions that were registered as trained on it."),
  }),
});

const DeleteReply = z.strictObject({ id: z.string(), deleted: z.literal(true) });

const common = { tag: "Datasets", access: "datasets", params: IdParam, query: noQuery, body: noBody } as const;

export const listDatasetsRoute = defineRoute({
  ...common,
  id: "listDatasets",
  method: "get",
  path: "/v1/datasets",
  summary: "List datasets, newest first",
  params: noParams,
  query: ListRunsQuery.pick({ limit: true, cursor: true }),
  replies: { 200: json("A page of datasets.", pageOf(DatasetSummary)) },
});

export const getDatasetRoute = defineRoute({
  ...common,
  id: "getDataset",
  method: "get",
  path: "/v1/datasets/{id}",
  summary: "The manifest, and what was trained on the dataset",
  replies: { 200: json("The dataset.", DatasetObject) },
});

const Binary = z.string().meta({ format: "binary" });
const fileHeaders = { ETag: "The file's SHA-256.", "Accept-Ranges": "`bytes`" };

export const getDatasetFileRoute = defineRoute({
  ...common,
  id: "getDatasetFile",
  method: "get",
  path: "/v1/datasets/{id}/files/{path}",
  summary: "A file of the dataset",
  description: "One of the manifest's `files`, or `manifest.json`. Takes Range, If-Range and If-None-Match.",
  params: IdParam.extend({ path: z.string().max(200).describe("As the manifest names it.") }),
  headers: z.object({
    Range: z.string().optional().describe("One range of bytes."),
    "If-Range": z.string().optional(),
    "If-None-Match": z.string().optional(),
  }),
  replies: {
    200: { description: "The file.", content: { "application/octet-stream": Binary }, headers: fileHeaders },
    206: { description: "The range.", content: { "application/octet-stream": Binary }, headers: fileHeaders },
    304: { description: "The caller has it already." },
  },
  problems: ["range_not_satisfiable"],
});

export const deleteDatasetRoute = defineRoute({
  ...common,
  id: "deleteDataset",
  method: "delete",
  path: "/v1/datasets/{id}",
  summary: "Delete a dataset",
  description: "Removes its files; its id answers 410 from then on. The claim stands, and no rollout becomes free.",
  replies: { 200: json("It is gone.", DeleteReply) },
});

/** 404 for another tenant's, 410 for a deleted one. */
export async function requireDataset(services: Services, tenant: string, id: string): Promise<DatasetRow> {
  const row = await services.datasets.find(tenant, id);
  if (row === null) {
    throw notFound("dataset");
  }
  if (row.deleted_at !== null) {
    throw new HttpError("erased", "This dataset was deleted.");
  }
  return row;
}

export async function readManifest(services: Services, row: DatasetRow): Promise<Manifest> {
  const text = await services.datasetFiles.readText(row.dataset_id, manifestPath);
  if (text === null) {
    // It was deleted between two reads.
    throw new HttpError("erased", "This dataset was deleted.");
  }
  return Manifest.parse(JSON.parse(text));
}

function toSummary({ dataset_id: id, created_at, export_id, advantage_spec, counts }: DatasetRow) {
  return { id, created_at, export_id, advantage_spec, counts };
}

interface NamedFile {
  readonly sha256: string;
  readonly bytes: number;
}

/** The manifest names every file but itself. */
async function findFile(services: Services, row: DatasetRow, path: string): Promise<NamedFile | null> {
  if (path === manifestPath) {
    const bytes = await services.datasetFiles.size(row.dataset_id, path);
    return bytes === null ? null : { sha256: row.manifest_sha256, bytes };
  }
  const { files } = await readManifest(services, row);
  return files.find((file) => file.path === path) ?? null;
}

type FileCall = Call<typeof getDatasetFileRoute.params, typeof getDatasetFileRoute.query, typeof noBody>;

async function sendFile({ services, principal, params, request }: FileCall): Promise<Response> {
  const row = await requireDataset(services, principal.tenant, params.id);
  const file = await findFile(services, row, params.path);
  if (file === null) {
    throw notFound("file of this dataset");
  }
  const headers = new Headers({
    etag: `"${file.sha256}"`,
    "accept-ranges": "bytes",
    // Nobody on the way may compress it: a range of other bytes would be no range of this file. JSON and text are
    // compressed by some all the same, so that they are sent as what nobody compresses.
    "cache-control": "private, no-cache, no-transform",
    "content-type": params.path.endsWith(".parquet") ? contentTypeOf(params.path) : "application/octet-stream",
  });
  if (isKnown(request.headers, file.sha256)) {
    return new Response(null, { status: 304, headers });
  }
  const part = partOf(request.headers, file.sha256, file.bytes);
  if (part.kind === "unsatisfiable") {
    const range = { "content-range": `bytes */${file.bytes}` };
    throw new HttpError("range_not_satisfiable", `The file has ${file.bytes} bytes.`, { headers: range });
  }
  const { start, end } = part.kind === "part" ? part : { start: 0, end: file.bytes };
  headers.set("content-length", String(end - start));
  if (part.kind === "part") {
    headers.set("content-range", `bytes ${start}-${end - 1}/${file.bytes}`);
  }
  const status = part.kind === "part" ? 206 : 200;
  if (request.method === "HEAD" || file.bytes === 0) {
    return new Response(null, { status, headers });
  }
  const found = await services.datasetFiles.stream(params.id, params.path, part.kind === "part" ? part : null);
  if (found === null) {
    throw notFound("file of this dataset");
  }
  return new Response(found.body, { status, headers });
}

export function mountDatasets(app: App, services: Services): void {
  mount(app, services, listDatasetsRoute, async ({ principal, query }) => {
    const cursor = query.cursor === undefined ? null : decodeCursor(query.cursor);
    const before = cursor === null ? null : { created_at: cursor.created_at, dataset_id: cursor.run_id };
    const { rows, hasMore } = await services.datasets.list({ tenant: principal.tenant, limit: query.limit, before });
    const last = rows.at(-1);
    const next_cursor =
      hasMore && last !== undefined ? encodeCursor({ created_at: last.created_at, run_id: last.dataset_id }) : null;
    return Response.json({ data: rows.map(toSummary), has_more: hasMore, next_cursor });
  });

  mount(app, services, getDatasetRoute, async ({ principal, params }) => {
    const row = await requireDataset(services, principal.tenant, params.id);
    const [manifest, trained_on_it] = await Promise.all([
      readManifest(services, row),
      services.datasets.trainedOn(principal.tenant, params.id),
    ]);
    const policies = { made_it: manifest.policy_versions.map(({ version }) => version), trained_on_it };
    return Response.json({ ...manifest, export_id: row.export_id, policies });
  });

  mount(app, services, getDatasetFileRoute, sendFile);

  mount(app, services, deleteDatasetRoute, async ({ principal, params }) => {
    const row = await services.datasets.find(principal.tenant, params.id);
    if (row === null) {
      throw notFound("dataset");
    }
    // Marked first, so that nobody begins to read what goes; a repeat removes what a fault has left.
    await services.datasets.markDeleted(principal.tenant, params.id, new Date(services.clock.now()).toISOString());
    await services.datasetFiles.deleteAll(params.id);
    if (row.deleted_at !== null) {
      throw new HttpError("erased", "This dataset was deleted.");
    }
    return Response.json({ id: params.id, deleted: true });
  });
}
