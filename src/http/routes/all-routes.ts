// Every route of the API, once: what the OpenAPI document, the client and the fuzz test go through.

import type { AnyRoute } from "../route.ts";
import { infoRoute, listToolsRoute } from "./catalogue.ts";
import { eventsRoute } from "./events.ts";
import { healthRoute, readyRoute } from "./health.ts";
import { cancelRunRoute, createTicketRoute, getRecordRoute, getRunRoute, listRunsRoute } from "./runs.ts";
import { eraseSessionRoute, getSessionRoute } from "./sessions.ts";
import { solveRoute } from "./solve.ts";

export const allRoutes: readonly AnyRoute[] = [
  solveRoute,
  listRunsRoute,
  getRunRoute,
  eventsRoute,
  getRecordRoute,
  cancelRunRoute,
  createTicketRoute,
  getSessionRoute,
  eraseSessionRoute,
  listToolsRoute,
  infoRoute,
  healthRoute,
  readyRoute,
];
