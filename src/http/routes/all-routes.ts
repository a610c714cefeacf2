// Every route of the API, once: what the OpenAPI document, the client and the fuzz test go through.

import type { AnyRoute } from "../route.ts";
import { infoRoute, listToolsRoute } from "./catalogue.ts";
import { deleteDatasetRoute, getDatasetFileRoute, getDatasetRoute, listDatasetsRoute } from "./datasets.ts";
import { eventsRoute } from "./events.ts";
import { createExportRoute, getExportRoute, listExportsRoute, retryExportRoute } from "./exports.ts";
import { feedbackRoute } from "./feedback.ts";
import { getGroupRoute, listGroupsRoute } from "./groups.ts";
import { healthRoute, readyRoute } from "./health.ts";
import { deleteMcpServerRoute, getMcpServerRoute, listMcpServersRoute, putMcpServerRoute } from "./mcp-servers.ts";
import { activatePolicyRoute, getPolicyRoute, listPoliciesRoute, registerPolicyRoute } from "./policies.ts";
import { rolloutEventsRoute } from "./rollout-events.ts";
import { cancelRolloutsRoute, createRolloutsRoute, getRolloutsRoute, listRolloutsRoute } from "./rollouts.ts";
import { cancelRunRoute, createTicketRoute, getRecordRoute, getRunRoute, listRunsRoute } from "./runs.ts";
import { eraseSessionRoute, getSessionRoute } from "./sessions.ts";
import { solveRoute } from "./solve.ts";
import { callToolRoute } from "./tools.ts";
import { viewRoute } from "./views.ts";

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
  feedbackRoute,
  registerPolicyRoute,
  listPoliciesRoute,
  getPolicyRoute,
  activatePolicyRoute,
  createRolloutsRoute,
  listRolloutsRoute,
  getRolloutsRoute,
  rolloutEventsRoute,
  cancelRolloutsRoute,
  listGroupsRoute,
  getGroupRoute,
  createExportRoute,
  listExportsRoute,
  getExportRoute,
  retryExportRoute,
  listDatasetsRoute,
  getDatasetRoute,
  getDatasetFileRoute,
  viewRoute,
  deleteDatasetRoute,
  listToolsRoute,
  callToolRoute,
  putMcpServerRoute,
  listMcpServersRoute,
  getMcpServerRoute,
  deleteMcpServerRoute,
  infoRoute,
  healthRoute,
  readyRoute,
];
