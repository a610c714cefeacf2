// Exports: frozen datasets made from groups that are complete, on demand. A request writes the export's row and wakes
// its object; how far it is and how it ended is read from the row.

import * as z from "zod";
import { hashedId, newId } from "../../lib/ids.ts";
import { sha256 } from "../../lib/sha256.ts";
import { canonicalJson } from "../../lib/canonical-json.ts";
import { ExportCounts, type ExportRow } from "../../store/exports.ts";
import { defaultAdvantageSpec, formatAdvantageSpec, parseAdvantageSpec } from "../../training/advantage-spec.ts";
import { defaultPassAt, type ExportRequest, ExportStatus, ExportTrigger } from "../../training/export-request.ts";
import { notFound } from "../call-session.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { type App, type Call, mount } from "../mount.ts";
import { HttpError, invalidField } from "../problem.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { readIdempotencyKey } from "../solve-input.ts";
import { IdParam, ListRunsQuery, pageOf } from "../wire.ts";

/** A key is kept for 24 hours (DESIGN section 5). */
const keyKeptMs = 24 * 60 * 60 * 1000;

const CreateExport = z
  .strictObject({
    advantage_spec: z
      .string()
      .max(100)
      .refine((text) => parseAdvantageSpec(text).ok, "Must be grpo/<trajectory|turn>/std=<n-1|n|none>/eps=<number>.")
      .optional()
      .describe("How advantages are made; absent = grpo/trajectory/std=n-1/eps=1e-6."),
    batch_id: z.string().max(64).optional().describe("Only groups of this batch."),
    policy_version: z.string().max(256).optional().describe("Only groups of this planner version."),
    min_valid: z
      .int()
      .min(2)
      .max(10_000)
      .optional()
      .describe("Valid rollouts that a group needs for advantages; absent = max(2, half of its size)."),
    allow_partial: z.boolean().optional().describe("Take groups whose batch ended without them, too."),
    max_staleness: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe("Groups more policy steps behind the active one get no advantages; absent = the deployment's, 4."),
    pass_at: z.number().optional().describe("`pass_rate` counts rewards from here on; absent = 1."),
    from_dataset: z
      .string()
      .max(64)
      .optional()
      .describe("Make another dataset from the claim of this one, with another `advantage_spec`."),
  })
  .check((context) => {
    if (context.value.from_dataset === undefined) {
      return;
    }
    for (const [field, value] of Object.entries(context.value)) {
      if (value !== undefined && field !== "from_dataset" && field !== "advantage_spec") {
        const message = "The claim of `from_dataset` has settled this; send `advantage_spec` alone.";
        context.issues.push({ code: "custom", input: value, path: [field], message });
      }
    }
  });
type CreateExport = z.infer<typeof CreateExport>;

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
  replies: { 202: json("The export.", ExportObject, { Location: "The export." }) },
  problems: ["unknown_dataset"],
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

function specName(text: string | undefined): string {
  const parsed = text === undefined ? null : parseAdvantageSpec(text);
  return formatAdvantageSpec(parsed?.ok === true ? parsed.value : defaultAdvantageSpec);
}

async function toRequest(services: Services, tenant: string, body: CreateExport): Promise<ExportRequest> {
  const advantage_spec = specName(body.advantage_spec);
  if (body.from_dataset !== undefined) {
    const dataset = await services.datasets.find(tenant, body.from_dataset);
    if (dataset === null || dataset.deleted_at !== null) {
      throw invalidField("unknown_dataset", "from_dataset", "unknown_dataset", "There is no such dataset.");
    }
    return { kind: "from_dataset", advantage_spec, dataset_id: body.from_dataset };
  }
  return {
    kind: "claim",
    advantage_spec,
    options: {
      min_valid: body.min_valid ?? null,
      allow_partial: body.allow_partial ?? false,
      max_staleness: body.max_staleness ?? services.config.maxPolicyStaleness,
      pass_at: body.pass_at ?? defaultPassAt,
    },
    batch_id: body.batch_id ?? null,
    policy_version: body.policy_version ?? null,
    closed_before: null,
  };
}

/** The id that any retry with this key finds; after its 24 hours the key stands for another export. */
async function keyedId(services: Services, tenant: string, key: string): Promise<string> {
  for (let seed = `key\n${tenant}\n${key}`; ;) {
    const id = hashedId("exp", await sha256(seed));
    const row = await services.exports.find(tenant, id);
    if (row === null || Date.parse(row.created_at) + keyKeptMs > services.clock.now()) {
      return id;
    }
    seed = `later\n${id}`;
  }
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
  const request = await toRequest(services, tenant, body);
  const key = readIdempotencyKey(headers);
  const export_id = key === null ? newId("exp", services.ids) : await keyedId(services, tenant, key);
  const created_at = new Date(services.clock.now()).toISOString();
  const row = await services.exports.create({ export_id, tenant, trigger: "request", request, created_at });
  if (canonicalJson(row.request) !== canonicalJson(request)) {
    throw new HttpError("idempotency_key_reused", "This Idempotency-Key came before with another body.");
  }
  if (row.ended_at === null) {
    await wake(services, row, requestId);
  }
  return Response.json(toObject(row), { status: 202, headers: { location: `/v1/exports/${export_id}` } });
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

  mount(app, services, getExportRoute, async ({ principal, params }) => {
    const row = await services.exports.find(principal.tenant, params.id);
    if (row === null) {
      throw notFound("export");
    }
    return Response.json(toObject(row));
  });
}
