// The HTTP application: middleware, routes and the one place where errors become problems. Everything it touches
// comes in through `Services`, so that tests run it without bindings.

import { Hono } from "hono";
import { loopbackOnly } from "./middleware/loopback.ts";
import { allowOrigins } from "./middleware/cors.ts";
import { drainBody } from "./middleware/drain.ts";
import { commonHeaders } from "./middleware/headers.ts";
import type { App, AppEnv } from "./mount.ts";
import { HttpError, toProblem } from "./problem.ts";
import { allRoutes } from "./routes/all-routes.ts";
import { mountCatalogue } from "./routes/catalogue.ts";
import { mountDatasets } from "./routes/datasets.ts";
import { mountEvents } from "./routes/events.ts";
import { mountExports } from "./routes/exports.ts";
import { mountFeedback } from "./routes/feedback.ts";
import { mountGroups } from "./routes/groups.ts";
import { mountHealth } from "./routes/health.ts";
import { mountMcpServers } from "./routes/mcp-servers.ts";
import { mountPages, pagePaths } from "./routes/pages.ts";
import { mountPolicies } from "./routes/policies.ts";
import { mountRolloutEvents } from "./routes/rollout-events.ts";
import { mountRollouts } from "./routes/rollouts.ts";
import { mountRuns } from "./routes/runs.ts";
import { mountSessions } from "./routes/sessions.ts";
import { mountSolve } from "./routes/solve.ts";
import { mountTools } from "./routes/tools.ts";
import { mountViews } from "./routes/views.ts";
import type { Services } from "./services.ts";
import { answerUnmatched } from "./unmatched.ts";

const knownPaths = [...allRoutes, ...pagePaths.map((path) => ({ method: "get", path }))];

function problemResponse(services: Services, error: unknown, requestId: string): Response {
  const { problem, headers } = toProblem(error, requestId);
  if (problem.status >= 500) {
    const cause = error instanceof HttpError ? error.cause : error;
    services.log({ level: "error", message: problem.title, request_id: requestId, code: problem.code, cause });
  }
  return Response.json(problem, {
    status: problem.status,
    headers: { ...headers, "content-type": "application/problem+json" },
  });
}

/** Build it once per isolate: it keeps no state of a request. */
export function createApp(services: Services): App {
  const app = new Hono<AppEnv>();
  app.onError((error, context) => problemResponse(services, error, context.get("requestId")));
  app.notFound((context) => answerUnmatched(knownPaths, context.req.raw));
  app.use(drainBody(services.clock));
  app.use(commonHeaders(services.ids));
  app.use(services.config.allowAnonymous ? loopbackOnly() : allowOrigins(services.config.corsOrigins));
  mountSolve(app, services);
  mountRuns(app, services);
  mountEvents(app, services);
  mountSessions(app, services);
  mountFeedback(app, services);
  mountPolicies(app, services);
  mountRollouts(app, services);
  mountRolloutEvents(app, services);
  mountGroups(app, services);
  mountExports(app, services);
  mountDatasets(app, services);
  mountViews(app, services);
  mountCatalogue(app, services);
  mountTools(app, services);
  mountMcpServers(app, services);
  mountHealth(app, services);
  mountPages(app, services);
  return app;
}
