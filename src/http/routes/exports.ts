// Exports: frozen datasets made from groups that are complete, on demand. A request writes the export's row and wakes
// its object; how far it is and how it ended is read from the row.

import * as z from "zod";
import { hashedId, newId } from "../../lib/ids.ts";
import { sha256 } from "../../lib/sha256.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { ExportCounts, type ExportRow } from "../../store/exports.ts";
import { ExportStatus, ExportTrigger } from "../../training/export-request.ts";
import { notFound } from "../call-session.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { type App, type Call, mount } from "../mount.ts";
import { checkNames, CreateExport, toRequest } from "../export-input.ts";
import { keyedPlace, type KeyedPlace, type Places } from "../keyed-place.ts";
import { HttpError } from "../problem.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { readIdempotencyKey } from "../solve-input.ts";
import { IdParam, ListRunsQuery, pageOf } from "../wire.ts";

const ExportHeaders = z.object({
  "Idempotency-Key": z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/)
    .optional()
    .describe("A retry with the same key and body reaches the same export for 24 hours."),
});

export const ExportObject = z.strictObject({
  id: z.string(),
  status: ExportStatus.describe("`empty`: there was nothing to claim, or nothing of it could be used."),
  trigger: ExportTrigger,
  advantage_spec: z.string(),
  from_dataset: z.string().nullable(),
  dataset_id: z.string().nullable().describe("The dataset can be read once the export is `completed`."),
  counts: ExportCounts.nullable().describe("What was claimed; in the end what the manifest counts."),
  error: z.strictObject({ code: z.string(), detail: z.string() }).nullable(),
  created_at: z.string(),
  ended_at: z.string().nullable(),
});
export type ExportObject = z.infer<typeof ExportObject>;

const ListExportsQuery = ListRunsQuery.pick({ limit: true, cursor: true });

const common = { tag: "Datasets", access: "datasets", params: noParams, query: noQuery, body: noBody } as const;

export const createExportRoute = defineRoute({
  ...common,
  id: "createExport",
  method: "post",
  path: "/v1/exports",
  summary: "Make a dataset",
  description:
    "Claims the complete groups that nobody has claimed, at most 5,000, and freezes them as a dataset. It does what " +
    "the schedule does, without its waiting time.",
  headers: ExportHeaders,
  body: CreateExport,
  replies: {
    202: json("The export.", ExportObject, {
      Location: "The export.",
      "Idempotency-Replayed": "`true` when an earlier request with this key made the export.",
    }),
  },
  problems: ["unknown_dataset", "unknown_policy", "batch_unavailable"],
});

export const listExportsRoute = defineRoute({
  ...common,
  id: "listExports",
  method: "get",
  path: "/v1/exports",
  summary: "List exports, newest first",
  query: ListExportsQuery,
  replies: { 200: json("A page of exports.", pageOf(ExportObject)) },
});

export const getExportRoute = defineRoute({
  ...common,
  id: "getExport",
  method: "get",
  path: "/v1/exports/{id}",
  summary: "The export as it stands",
  params: IdParam,
  replies: { 200: json("The export.", ExportObject) },
});

export const retryExportRoute = defineRoute({
  ...common,
  id: "retryExport",
  method: "post",
  path: "/v1/exports/{id}/retry",
  summary: "Take up a failed export again",
  description:
    "It goes on under its id, from the groups and rewards that it has claimed; without a claim it makes one. May be " +
    "repeated; an export that has not failed is left as it is.",
  params: IdParam,
  replies: { 200: json("The export as it stands.", ExportObject) },
});

function toObject(row: ExportRow): ExportObject {
  const { error_code: code, error_detail: detail, request } = row;
  return {
    id: row.export_id,
    status: row.status,
    trigger: row.trigger,
    advantage_spec: request.advantage_spec,
    from_dataset: request.kind === "from_dataset" ? request.dataset_id : null,
    dataset_id: row.dataset_id,
    counts: row.counts,
    error: code === null ? null : { code, detail: detail ?? "" },
    created_at: row.created_at,
    ended_at: row.ended_at,
  };
}

async function placeOf(services: Services, tenant: string, key: string | null): Promise<KeyedPlace<ExportRow>> {
  if (key === null) {
    return { id: newId("exp", services.ids), earlier: null };
  }
  const places: Places<ExportRow> = {
    idOf: async (seed) => hashedId("exp", await sha256(seed)),
    find: (id) => services.exports.find(tenant, id),
    madeAt: (row) => row.created_at,
  };
  return keyedPlace(`key\n${tenant}\n${key}`, places, services.clock.now());
}

/** An export that nobody could wake now is woken by the cron. */
async function wake(services: Services, row: ExportRow, requestId: string): Promise<void> {
  try {
    await services.exporter(row.tenant, row.export_id).wake(row.tenant, row.export_id);
  } catch (cause) {
    const message = "an export waits for the cron";
    services.log({ level: "warn", message, request_id: requestId, code: "export_not_woken", cause });
  }
}

type CreateCall = Call<typeof createExportRoute.params, typeof createExportRoute.query, typeof CreateExport>;

async function createExport({ services, principal, body, request: { headers } }: CreateCall, requestId: string) {
  const { tenant } = principal;
  const request = toRequest(services, body);
  const { id: export_id, earlier } = await placeOf(services, tenant, readIdempotencyKey(headers));
  if (earlier === null) {
    await checkNames(services, tenant, request);
  }
  const created_at = new Date(services.clock.now()).toISOString();
  const row = await services.exports.create({ export_id, tenant, trigger: "request", request, created_at });
  if (canonicalJson(row.request) !== canonicalJson(request)) {
    throw new HttpError("idempotency_key_reused", "This Idempotency-Key came before with another body.");
  }
  if (row.ended_at === null) {
    await wake(services, row, requestId);
  }
  const replayed: Record<string, string> = earlier === null ? {} : { "idempotency-replayed": "true" };
  const location = `/v1/exports/${export_id}`;
  return Response.json(toObject(row), { status: 202, headers: { location, ...replayed } });
}

export function mountExports(app: App, services: Services): void {
  mount(app, services, createExportRoute, createExport);

  mount(app, services, listExportsRoute, async ({ principal, query }) => {
    const cursor = query.cursor === undefined ? null : decodeCursor(query.cursor);
    const before = cursor === null ? null : { created_at: cursor.created_at, export_id: cursor.run_id };
    const { rows, hasMore } = await services.exports.list({ tenant: principal.tenant, limit: query.limit, before });
    const last = rows.at(-1);
    const next_cursor =
      hasMore && last !== undefined ? encodeCursor({ created_at: last.created_at, run_id: last.export_id }) : null;
    return Response.json({ data: rows.map(toObject), has_more: hasMore, next_cursor });
  });

  mount(app, services, retryExportRoute, async ({ principal, params }, requestId) => {
    await services.exports.retry(principal.tenant, params.id);
    const row = await services.exports.find(principal.tenant, params.id);
    if (row === null) {
      throw notFound("export");
    }
    if (row.ended_at === null) {
      await wake(services, row, requestId);
    }
    return Response.json(toObject(row));
  });

  mount(app, services, getExportRoute, async ({ principal, params }) => {
    const row = await services.exports.find(principal.tenant, params.id);
    if (row === null) {
      throw notFound("export");
    }
    return Response.json(toObject(row));
  });
}
