// POST /v1/solve: starts a run and delivers it in one of three ways. The run belongs to its session's object;
// this request is only its first viewer, and closing it cancels nothing.

import type { StartOutcome, StartRun } from "../../../durable-objects/session-api.ts";
import { RunObject } from "../../agent/run-object.ts";
import { StreamedEvent } from "../../agent/shown-events.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { asksForStream } from "../accept.ts";
import { callSession, erased, missing, requireFound, type SessionName } from "../call-session.ts";
import { type App, type Call, mount } from "../mount.ts";
import { HttpError, invalidField } from "../problem.ts";
import { defineRoute, json, noParams, noQuery } from "../route.ts";
import { eventReply, runHeaders, runReply } from "../run-reply.ts";
import type { Services } from "../services.ts";
import { readIdempotencyKey, toStartRun } from "../solve-input.ts";
import { waitReply } from "../wait-reply.ts";
import { waitForRun } from "../wait-run.ts";
import { SolveHeaders, SolveRequest } from "../wire.ts";

const locationHeaders = {
  Location: "The run.",
  "X-Run-Id": "The run's id.",
  "Idempotency-Replayed": "`true` when an earlier request with this key started the run.",
};

export const solveRoute = defineRoute({
  id: "solve",
  method: "post",
  path: "/v1/solve",
  tag: "Runs",
  summary: "Solve a query",
  description:
    "Starts a run. Waits for its end, or streams its events (`stream: true` or `Accept: text/event-stream`), or " +
    "answers at once (`background: true` or `Prefer: respond-async`). A failed run is 200 with `status: failed`. " +
    "A waiting reply that takes longer than 15 s begins with line breaks.",
  access: "solve",
  params: noParams,
  query: noQuery,
  headers: SolveHeaders,
  body: SolveRequest,
  replies: {
    200: {
      description: "The ended run, or its events.",
      content: { "application/json": RunObject, "text/event-stream": StreamedEvent },
      headers: locationHeaders,
    },
    202: json("The run goes on; ask for it at `Location`.", RunObject, locationHeaders),
  },
});

type SolveCall = Call<typeof solveRoute.params, typeof solveRoute.query, typeof solveRoute.body>;
type Delivery = "wait" | "stream" | "background";

/** What the body says wins over the headers. */
function deliveryOf(body: SolveRequest, headers: Headers): Delivery {
  if (body.stream === true && body.background === true) {
    throw invalidField("invalid_request", "background", "conflict", "Either `stream` or `background`, not both.");
  }
  if (body.stream === true || body.background === true) {
    return body.stream === true ? "stream" : "background";
  }
  if (body.stream === undefined && asksForStream(headers)) {
    return "stream";
  }
  const prefersAsync = /(^|,)\s*respond-async\s*(,|;|$)/i.test(headers.get("prefer") ?? "");
  return body.background === undefined && prefersAsync ? "background" : "wait";
}

async function startedRun(services: Services, start: StartRun, outcome: StartOutcome): Promise<RunObject> {
  switch (outcome.kind) {
    case "started":
    case "replayed":
      return outcome.run;
    case "key_reused":
      throw new HttpError("idempotency_key_reused", "This Idempotency-Key came before with another body.");
    case "queue_full":
      throw new HttpError("queue_full", `${outcome.waiting} runs wait in this session; one runs at a time.`);
    case "unknown_session":
      throw await missing(services, start, "session");
    case "gone":
      throw erased();
    default:
      return unreachable(outcome);
  }
}

async function streamReply(services: Services, name: SessionName, runId: string, headers: Record<string, string>) {
  const streamed = await callSession(services, name, "again", (session) => session.streamEvents(runId, 0, "public"));
  switch (streamed.kind) {
    case "stream":
      return eventReply(streamed.body, runId, headers);
    case "drained":
      // A run has at least its first event, so that nothing can be read to its end from 0.
      throw new Error("the log of a started run is empty");
    case "unknown":
    case "gone":
    case "unreadable":
      return requireFound<Response>(services, name, "run", streamed);
    default:
      return unreachable(streamed);
  }
}

async function solve(call: SolveCall, requestId: string): Promise<Response> {
  const { services, body, request } = call;
  const delivery = deliveryOf(body, request.headers);
  const start = await toStartRun(services, call.principal.tenant, body, readIdempotencyKey(request.headers));
  // Without a key a second try could start a second run.
  const tries = start.idempotency === null ? "once" : "again";
  const outcome = await callSession(services, start, tries, (session) => session.startRun(start));
  const run = await startedRun(services, start, outcome);
  const replayed: Record<string, string> = outcome.kind === "replayed" ? { "idempotency-replayed": "true" } : {};
  const headers = { ...runHeaders(run.id), ...replayed };
  switch (delivery) {
    case "stream":
      return streamReply(services, start, run.id, headers);
    case "background": {
      const applied: Record<string, string> = body.background === true ? {} : { "preference-applied": "respond-async" };
      return runReply(run, 202, { ...headers, ...applied });
    }
    case "wait": {
      const gone = new AbortController();
      const waited = waitForRun(services, start, run, AbortSignal.any([gone.signal, request.signal]));
      return waitReply(services, waited, { runId: run.id, requestId, headers, stop: () => gone.abort() });
    }
    default:
      return unreachable(delivery);
  }
}

export function mountSolve(app: App, services: Services): void {
  mount(app, services, solveRoute, solve);
}
