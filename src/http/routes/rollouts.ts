// Batches of rollouts: created from tasks as JSON or NDJSON, listed, looked at, cancelled. The batch belongs to its
// object; this request only brings the tasks.

import { canonicalJson } from "../../lib/canonical-json.ts";
import { hashedId, newId } from "../../lib/ids.ts";
import { sha256, sha256Hex } from "../../lib/sha256.ts";
import { unreachable } from "../../lib/unreachable.ts";
import type { BatchListRow } from "../../store/batches.ts";
import { defaultSeedOf } from "../../training/batch-names.ts";
import { Batch } from "../../training/batch-object.ts";
import { batchNameOf, callBatch, requireBatch } from "../call-batch.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { keyedPlace, type Places } from "../keyed-place.ts";
import { type App, mount, mountOpen, type OpenCall } from "../mount.ts";
import { HttpError } from "../problem.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import { readRollouts, toBatchSpec } from "../rollout-input.ts";
import {
  BatchSummary,
  CreateRollouts,
  ListBatchesQuery,
  RolloutsHeaders,
  RolloutsQuery,
  RolloutTask,
} from "../rollout-wire.ts";
import { sendTasks } from "../send-tasks.ts";
import type { Services } from "../services.ts";
import { readIdempotencyKey } from "../solve-input.ts";
import { IdParam, pageOf } from "../wire.ts";

const common = { tag: "Rollouts", access: "rollouts", params: IdParam, query: noQuery, body: noBody } as const;

export const createRolloutsRoute = defineRoute({
  ...common,
  id: "createRollouts",
  method: "post",
  path: "/v1/rollouts",
  summary: "Start a batch of rollouts",
  description:
    "Runs every task `group_size` times with one policy version. The body is JSON, or NDJSON " +
    "(`application/x-ndjson`): one task a line, the options in the query string; nothing starts before it ends.",
  params: noParams,
  query: RolloutsQuery,
  headers: RolloutsHeaders,
  body: CreateRollouts,
  lines: RolloutTask,
  replies: {
    202: json("The batch; ask for it at `Location`.", Batch, {
      Location: "The batch.",
      "Idempotency-Replayed": "`true` when an earlier request with this key started the batch.",
    }),
  },
});

export const listRolloutsRoute = defineRoute({
  ...common,
  id: "listRollouts",
  method: "get",
  path: "/v1/rollouts",
  summary: "List batches, newest first",
  params: noParams,
  query: ListBatchesQuery,
  replies: { 200: json("A page of batches.", pageOf(BatchSummary)) },
});

export const getRolloutsRoute = defineRoute({
  ...common,
  id: "getRollouts",
  method: "get",
  path: "/v1/rollouts/{id}",
  summary: "The batch as it stands",
  replies: { 200: json("The batch.", Batch) },
});

export const cancelRolloutsRoute = defineRoute({
  ...common,
  id: "cancelRollouts",
  method: "post",
  path: "/v1/rollouts/{id}/cancel",
  summary: "Cancel a batch",
  description: "May be repeated, also when the batch has ended. What runs is cancelled, groups stay incomplete.",
  replies: { 200: json("The batch.", Batch) },
});

type CreateCall = OpenCall<typeof createRolloutsRoute.params, typeof createRolloutsRoute.query>;

async function batchIdOf(services: Services, tenant: string, key: string | null): Promise<string> {
  if (key === null) {
    return newId("bat", services.ids);
  }
  const places: Places<Batch> = {
    idOf: async (seed) => hashedId("bat", await sha256(seed)),
    // The object itself, because the ledger may not know of it yet.
    find: async (batchId) => {
      const found = await callBatch(services, { tenant, batchId }, (batch) => batch.getBatch());
      return found.kind === "found" ? found.value : null;
    },
    madeAt: (batch) => batch.created_at,
  };
  return (await keyedPlace(`batch\n${tenant}\n${key}`, places, services.clock.now())).id;
}

async function create({ services, principal, query, request }: CreateCall): Promise<Response> {
  const { tenant } = principal;
  const key = readIdempotencyKey(request.headers);
  const batchId = await batchIdOf(services, tenant, key);
  const name = { tenant, batchId };
  const { options, tasks } = await readRollouts(services, request, query);
  const spec = await toBatchSpec(services, { ...name, seed: await defaultSeedOf(batchId) }, options);
  const { last, sha256: tasksHash } = await sendTasks(services, name, tasks);
  const bodyHash = await sha256Hex(canonicalJson({ options, tasks: tasksHash }));
  const outcome = await callBatch(services, name, (batch) => batch.createBatch({ spec, last, bodyHash }));
  switch (outcome.kind) {
    case "created":
      return reply(outcome.batch, 202, { location: batchPath(batchId) });
    case "replayed":
      return reply(outcome.batch, 202, {
        location: batchPath(batchId),
        // A second try of one call finds what the first has made: then this request was the first, too.
        ...(key === null ? {} : { "idempotency-replayed": "true" }),
      });
    case "key_reused":
      throw new HttpError("idempotency_key_reused", "This Idempotency-Key came before with another body.");
    case "upload_lost":
      throw new HttpError("batch_unavailable", "The tasks took too long to come in. Send them again.");
    default:
      return unreachable(outcome);
  }
}

function batchPath(batchId: string): string {
  return `/v1/rollouts/${batchId}`;
}

function reply(batch: Batch, status: number, headers: Record<string, string>): Response {
  return Response.json(batch, { status, headers });
}

function toSummary({ batch_id: id, ...row }: BatchListRow): BatchSummary {
  return { id, ...row };
}

export function mountRollouts(app: App, services: Services): void {
  mountOpen(app, services, createRolloutsRoute, create);

  mount(app, services, listRolloutsRoute, async ({ principal, query }) => {
    const position = query.cursor === undefined ? null : decodeCursor(query.cursor);
    const { rows, hasMore } = await services.batchList.list({
      tenant: principal.tenant,
      limit: query.limit,
      before: position === null ? null : { created_at: position.created_at, batch_id: position.run_id },
    });
    const last = rows.at(-1);
    const next_cursor =
      hasMore && last !== undefined ? encodeCursor({ created_at: last.created_at, run_id: last.batch_id }) : null;
    return Response.json({ data: rows.map(toSummary), has_more: hasMore, next_cursor });
  });

  mount(app, services, getRolloutsRoute, async ({ principal, params }) => {
    const name = batchNameOf(principal.tenant, params.id);
    return reply(requireBatch(await callBatch(services, name, (batch) => batch.getBatch())), 200, {});
  });

  mount(app, services, cancelRolloutsRoute, async ({ principal, params }) => {
    const name = batchNameOf(principal.tenant, params.id);
    return reply(requireBatch(await callBatch(services, name, (batch) => batch.cancelBatch())), 200, {});
  });
}
