// GET /v1/runs/{id}/events: the log as a stream or as a page. The cursor is one number, the last event seen,
// whether it comes as Last-Event-ID, as `starting_after` or from a page's `next_cursor`.

import { ShownRunEvent, StreamedEvent } from "../../agent/shown-events.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { asksForJson } from "../accept.ts";
import { requireScope } from "../access.ts";
import { callSession, requireFound, sessionNameOf } from "../call-session.ts";
import { type App, type Call, mount } from "../mount.ts";
import { readAfter } from "../read-after.ts";
import { defineRoute, noBody } from "../route.ts";
import { eventReply } from "../run-reply.ts";
import type { Services } from "../services.ts";
import { EventsHeaders, EventsQuery, IdParam, pageOf } from "../wire.ts";

export const eventsRoute = defineRoute({
  id: "getEvents",
  method: "get",
  path: "/v1/runs/{id}/events",
  tag: "Runs",
  summary: "The run's events, stored and live",
  description:
    "A stream unless `Accept` prefers `application/json`. A stream ends after the run's terminal event; a reader " +
    "who has that one already gets 204. With `detail=full` (scope `datasets` beside `solve`) each module's event " +
    "carries the model call behind it as `call`, and `model_calls` with all of them where there were several. The schema " +
    "of `text/event-stream` is that of each message's `data`.",
  access: "solve",
  acceptsTicket: true,
  params: IdParam,
  query: EventsQuery,
  headers: EventsHeaders,
  body: noBody,
  replies: {
    200: {
      description: "The events.",
      content: { "text/event-stream": StreamedEvent, "application/json": pageOf(ShownRunEvent) },
    },
    204: { description: "The run has ended and the reader has all its events." },
  },
  problems: ["log_unreadable"],
});

type EventsCall = Call<typeof eventsRoute.params, typeof eventsRoute.query, typeof eventsRoute.body>;

async function page(call: EventsCall, after: number): Promise<Response> {
  const { services, params, query } = call;
  const name = sessionNameOf(call.principal.tenant, params.id);
  const found = await callSession(services, name, "again", (session) =>
    session.readEvents(params.id, after, query.limit, query.detail),
  );
  const { events, hasMore, ended } = await requireFound(services, name, "run", found);
  // While the run goes on, an empty page is not the last one, so that a poller keeps its place.
  const next_cursor = ended ? null : String(events.at(-1)?.seq ?? after);
  return Response.json({ data: events, has_more: hasMore, next_cursor }, { headers: { "x-run-id": params.id } });
}

async function stream(call: EventsCall, after: number): Promise<Response> {
  const { services, params, query } = call;
  const name = sessionNameOf(call.principal.tenant, params.id);
  const streamed = await callSession(services, name, "again", (session) =>
    session.streamEvents(params.id, after, query.detail),
  );
  switch (streamed.kind) {
    case "stream":
      if (call.request.method === "HEAD") {
        await streamed.body.cancel();
        return eventReply(null, params.id, {});
      }
      return eventReply(streamed.body, params.id, {});
    case "drained":
      return new Response(null, { status: 204, headers: { "x-run-id": params.id } });
    case "unknown":
    case "gone":
    case "unreadable":
      return requireFound<Response>(services, name, "run", streamed);
    default:
      return unreachable(streamed);
  }
}

export function mountEvents(app: App, services: Services): void {
  mount(app, services, eventsRoute, async (call) => {
    if (call.query.detail === "full") {
      requireScope(call.principal, "datasets");
    }
    const after = readAfter(call.request.headers, call.query.starting_after);
    return asksForJson(call.request.headers) ? page(call, after) : stream(call, after);
  });
}
