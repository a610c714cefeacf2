// A session: its runs, and its erasure.

import * as z from "zod";
import { RunStatus } from "../../agent/run-object.ts";
import { isSessionId, sessionOfRun } from "../../lib/ids.ts";
import { callSession, notFound, requireFound, type SessionName } from "../call-session.ts";
import { type App, mount } from "../mount.ts";
import { invalidField } from "../problem.ts";
import { defineRoute, json, noBody, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { EraseReply, IdParam, SessionQuery } from "../wire.ts";

const SessionReply = z.strictObject({
  id: z.string(),
  created_at: z.string(),
  runs: z
    .array(
      z.strictObject({
        id: z.string(),
        status: RunStatus,
        query: z.string(),
        answer: z.string().nullable(),
        created_at: z.string(),
        ended_at: z.string().nullable(),
      }),
    )
    .describe("Oldest first."),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
type SessionReply = z.infer<typeof SessionReply>;

const common = {
  tag: "Sessions",
  path: "/v1/sessions/{id}",
  access: "solve",
  params: IdParam,
  body: noBody,
} as const;

export const getSessionRoute = defineRoute({
  ...common,
  id: "getSession",
  method: "get",
  query: SessionQuery,
  summary: "The session and a page of its runs",
  replies: { 200: json("The session.", SessionReply) },
});

export const eraseSessionRoute = defineRoute({
  ...common,
  id: "eraseSession",
  method: "delete",
  query: noQuery,
  summary: "Erase a session",
  description: "Cancels what runs and removes everything the session held. Its ids answer 410 from then on.",
  replies: { 200: json("What was erased.", EraseReply) },
});

function nameOf(tenant: string, sessionId: string): SessionName {
  if (!isSessionId(sessionId)) {
    throw notFound("session");
  }
  return { tenant, sessionId };
}

export function mountSessions(app: App, services: Services): void {
  mount(app, services, getSessionRoute, async ({ principal, params, query: { limit, cursor = null } }) => {
    const name = nameOf(principal.tenant, params.id);
    if (cursor !== null && sessionOfRun(cursor) !== params.id) {
      throw invalidField("invalid_request", "cursor", "invalid_cursor", "Use `next_cursor` of the page before.");
    }
    const found = await callSession(services, name, "again", (session) => session.getSession({ after: cursor, limit }));
    const session = await requireFound(services, name, "session", found);
    const next_cursor = session.has_more ? (session.runs.at(-1)?.id ?? null) : null;
    const reply: SessionReply = { ...session, next_cursor };
    return Response.json(reply);
  });

  mount(app, services, eraseSessionRoute, async ({ principal, params }) => {
    const name = nameOf(principal.tenant, params.id);
    // Asked first: when this answers, nothing has been erased yet, and the caller can ask again.
    const datasets = await services.ledger.datasetsOf(name.tenant, name.sessionId);
    // A second try would find the session gone and report 410 for what has just been done.
    const found = await callSession(services, name, "once", (session) => session.erase());
    const { run_ids } = await requireFound(services, name, "session", found);
    const reply: EraseReply = { id: params.id, erased: true, run_ids, datasets };
    return Response.json(reply);
  });
}
