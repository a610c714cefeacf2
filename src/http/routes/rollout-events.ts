// GET /v1/rollouts/{id}/events: the batch's log as a stream or as a page, with the cursor of a run's events.

import { unreachable } from "../../lib/unreachable.ts";
import { BatchEventSchema } from "../../training/batch-events.ts";
import { asksForJson } from "../accept.ts";
import { batchNameOf, callBatch, requireBatch } from "../call-batch.ts";
import { type App, type Call, mount } from "../mount.ts";
import { readAfter } from "../read-after.ts";
import { defineRoute, noBody } from "../route.ts";
import { eventStreamReply } from "../run-reply.ts";
import type { Services } from "../services.ts";
import { EventsHeaders, EventsQuery, IdParam, pageOf } from "../wire.ts";

export const rolloutEventsRoute = defineRoute({
  id: "getRolloutEvents",
  method: "get",
  path: "/v1/rollouts/{id}/events",
  tag: "Rollouts",
  summary: "The batch's events, stored and live",
  description:
    "A stream unless `Accept` prefers `application/json`. A stream ends after the batch's terminal event; a reader " +
    "who has that one already gets 204.",
  access: "rollouts",
  params: IdParam,
  query: EventsQuery.pick({ starting_after: true, limit: true }),
  headers: EventsHeaders,
  body: noBody,
  replies: {
    200: {
      description: "The events.",
      content: { "text/event-stream": BatchEventSchema, "application/json": pageOf(BatchEventSchema) },
    },
    204: { description: "The batch has ended and the reader has all its events." },
  },
});

type EventsCall = Call<typeof rolloutEventsRoute.params, typeof rolloutEventsRoute.query, typeof noBody>;

async function page({ services, principal, params, query }: EventsCall, after: number): Promise<Response> {
  const name = batchNameOf(principal.tenant, params.id);
  const found = await callBatch(services, name, (batch) => batch.readEvents(after, query.limit));
  const { events, hasMore, ended } = requireBatch(found);
  // While the batch goes on, an empty page is not the last one, so that a poller keeps its place.
  const next_cursor = ended ? null : String(events.at(-1)?.seq ?? after);
  return Response.json({ data: events, has_more: hasMore, next_cursor });
}

async function stream({ services, principal, params, request }: EventsCall, after: number): Promise<Response> {
  const name = batchNameOf(principal.tenant, params.id);
  const streamed = await callBatch(services, name, (batch) => batch.streamEvents(after));
  switch (streamed.kind) {
    case "stream":
      if (request.method === "HEAD") {
        await streamed.body.cancel();
        return eventStreamReply(null, {});
      }
      return eventStreamReply(streamed.body, {});
    case "drained":
      return new Response(null, { status: 204 });
    case "unknown":
      return requireBatch<Response>(streamed);
    default:
      return unreachable(streamed);
  }
}

export function mountRolloutEvents(app: App, services: Services): void {
  mount(app, services, rolloutEventsRoute, async (call) => {
    const after = readAfter(call.request.headers, call.query.starting_after);
    return asksForJson(call.request.headers) ? page(call, after) : stream(call, after);
  });
}
