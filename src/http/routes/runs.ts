// What can be asked of runs: the list from the ledger, one run, its record, its cancellation and a ticket. The
// ledger is an index that lags by moments; the run itself always comes from its log.

import * as z from "zod";
import { RunObject } from "../../agent/run-object.ts";
import type { LedgerRun } from "../../store/ledger-row.ts";
import { callSession, requireFound, sessionNameOf } from "../call-session.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import { withLateRewards } from "../late-rewards.ts";
import { type App, mount } from "../mount.ts";
import { HttpError } from "../problem.ts";
import { recordReply } from "../record-reply.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import { runPath, runReply } from "../run-reply.ts";
import type { Services } from "../services.ts";
import { issueTicket } from "../tickets.ts";
import { IdParam, ListRunsQuery, pageOf, RunSummary, TicketReply } from "../wire.ts";

const common = { tag: "Runs", params: IdParam, query: noQuery, body: noBody } as const;

export const listRunsRoute = defineRoute({
  ...common,
  id: "listRuns",
  method: "get",
  path: "/v1/runs",
  summary: "List runs, newest first",
  access: "solve",
  params: noParams,
  query: ListRunsQuery,
  replies: { 200: json("A page of runs.", pageOf(RunSummary)) },
});

export const getRunRoute = defineRoute({
  ...common,
  id: "getRun",
  method: "get",
  path: "/v1/runs/{id}",
  summary: "The run as it stands",
  description:
    "Of an ended run, `reward` is the one in force and `rewards` lists those that came after its end. Where none came, " +
    "or the ledger does not answer, `rewards` is absent and `reward` is the log's own.",
  access: "solve",
  replies: { 200: json("The run.", RunObject) },
});

export const getRecordRoute = defineRoute({
  ...common,
  id: "getRecord",
  method: "get",
  path: "/v1/runs/{id}/record",
  summary: "The rollout record, projected from the log",
  description:
    "Only of a run that has ended; 409 before that. `reward` is the log's own; late ones are in `rewards`, which is " +
    "absent where the ledger does not answer.",
  access: "datasets",
  replies: { 200: json("The record.", z.record(z.string(), z.unknown())) },
  problems: ["run_not_ended", "log_unreadable"],
});

export const cancelRunRoute = defineRoute({
  ...common,
  id: "cancelRun",
  method: "post",
  path: "/v1/runs/{id}/cancel",
  summary: "Cancel a run",
  description: "May be repeated, also when the run has ended. The reply is the run as it stands.",
  access: "solve",
  replies: { 200: json("The run.", RunObject) },
});

export const createTicketRoute = defineRoute({
  ...common,
  id: "createTicket",
  method: "post",
  path: "/v1/runs/{id}/ticket",
  summary: "A ticket for the run's events",
  description: "Works for five minutes as `?ticket=` on this run's events, for a browser's EventSource.",
  access: "solve",
  replies: { 200: json("The ticket.", TicketReply) },
});

function toSummary(row: LedgerRun): RunSummary {
  const { run_id: id, prompt_tokens, completion_tokens, ...rest } = row;
  const usage = prompt_tokens === null || completion_tokens === null ? null : { prompt_tokens, completion_tokens };
  return { id, ...rest, usage };
}

export function mountRuns(app: App, services: Services): void {
  mount(app, services, listRunsRoute, async ({ principal, query }) => {
    const { runs, hasMore } = await services.ledger.list({
      tenant: principal.tenant,
      limit: query.limit,
      before: query.cursor === undefined ? null : decodeCursor(query.cursor),
      status: query.status ?? null,
      session_id: query.session_id ?? null,
    });
    const last = runs.at(-1);
    const next_cursor = hasMore && last !== undefined ? encodeCursor(last) : null;
    return Response.json({ data: runs.map(toSummary), has_more: hasMore, next_cursor });
  });

  mount(app, services, getRunRoute, async ({ principal, params }, requestId) => {
    const name = sessionNameOf(principal.tenant, params.id);
    const found = await callSession(services, name, "again", (session) => session.getRun(params.id));
    const run = await requireFound(services, name, "run", found);
    return runReply(await withLateRewards({ services, tenant: name.tenant, requestId }, run), 200, {});
  });

  mount(app, services, getRecordRoute, async ({ principal, params }, requestId) => {
    const name = sessionNameOf(principal.tenant, params.id);
    const found = await callSession(services, name, "again", (session) => session.getRecord(params.id));
    const record = await requireFound(services, name, "run", found);
    if (record["ended_at"] === null) {
      throw new HttpError("run_not_ended", "The record is there when the run has ended; its events tell when.");
    }
    return recordReply({ services, tenant: name.tenant, requestId }, params.id, record);
  });

  mount(app, services, cancelRunRoute, async ({ principal, params }, requestId) => {
    const name = sessionNameOf(principal.tenant, params.id);
    const found = await callSession(services, name, "again", (session) => session.cancelRun(params.id));
    const run = await requireFound(services, name, "run", found);
    return runReply(await withLateRewards({ services, tenant: name.tenant, requestId }, run), 200, {});
  });

  mount(app, services, createTicketRoute, async ({ principal, params }) => {
    const name = sessionNameOf(principal.tenant, params.id);
    const found = await callSession(services, name, "again", (session) => session.getRun(params.id));
    const run = await requireFound(services, name, "run", found);
    const secret = await services.ticketSecret();
    const { ticket, expiresAt } = await issueTicket(secret, principal.tenant, run.id, services.clock.now());
    const reply: TicketReply = {
      ticket,
      expires_at: new Date(expiresAt).toISOString(),
      events_url: `${runPath(run.id)}/events?ticket=${ticket}`,
    };
    return Response.json(reply);
  });
}
