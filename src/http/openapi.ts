// The OpenAPI 3.1 document, made from the route objects alone: no server and no services are needed for it.

import { OpenAPIHono } from "@hono/zod-openapi";
import * as z from "zod";
import { ModuleCall } from "../agent/events.ts";
import { RunObject } from "../agent/run-object.ts";
import { AnswerDelta, PlanDelta, ShownRunEvent, Snapshot, StreamedEvent } from "../agent/shown-events.ts";
import { BatchEventSchema } from "../training/batch-events.ts";
import { Batch } from "../training/batch-object.ts";
import { nameSchemas } from "./named-schemas.ts";
import { Problem, problemTypes } from "./problem.ts";
import type { AnyRoute, Reply } from "./route.ts";
import { allRoutes } from "./routes/all-routes.ts";
import { Group } from "./rollout-wire.ts";
import { ToolCatalogueEntry } from "./tool-catalogue.ts";
import { RunSummary, SolveRequest } from "./wire.ts";

const description = `AgentFlow as an API. A query becomes a run: a planner, an executor with tools, a verifier and a
generator work on it in turns, and every step is an event in the run's log, which can be read, streamed and resumed.
Errors are \`application/problem+json\` with a stable \`code\`.`;

/** What the document shows under a name of its own. */
const named = {
  SolveRequest,
  Run: RunObject,
  RunEvent: ShownRunEvent,
  ModuleCall,
  PlanDelta,
  AnswerDelta,
  Snapshot,
  StreamedEvent,
  RunSummary,
  Batch,
  BatchEvent: BatchEventSchema,
  Group,
  Tool: ToolCatalogueEntry,
  Problem,
};

/** Statuses that any route with this access may answer, beside its own. */
function problemStatuses(route: AnyRoute): number[] {
  const access = route.access === "public" ? [] : [401, 403, 429];
  const id = route.path.includes("{") ? [404, 410] : [];
  // A POST without a body of its own still refuses one that it is sent.
  const posted = route.method === "post" || route.method === "put" ? [400, 413, 415] : [];
  const body = route.body instanceof z.ZodUndefined ? [] : [404, 410];
  const own = (route.problems ?? []).map((code) => problemTypes[code].status);
  return [...new Set([...access, ...id, ...posted, ...body, ...own, 422, 500, 503])].toSorted(
    (left, right) => left - right,
  );
}

function problemReply(status: number): Reply {
  const codes = Object.entries(problemTypes).flatMap(([code, type]) => (type.status === status ? [code] : []));
  return {
    description: codes.map((code) => `\`${code}\``).join(", "),
    content: { "application/problem+json": Problem },
  };
}

function toResponse(reply: Reply) {
  const content = Object.entries(reply.content ?? {}).map(([mediaType, schema]) => [mediaType, { schema }]);
  const headers = Object.entries(reply.headers ?? {}).map(([name, text]) => [
    name,
    { description: text, schema: { type: "string" } },
  ]);
  return {
    description: reply.description,
    ...(content.length === 0 ? {} : { content: Object.fromEntries(content) }),
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers) }),
  };
}

function security(route: AnyRoute): Record<string, string[]>[] {
  if (route.access === "public") {
    return [];
  }
  const scopes = route.access === "key" ? [] : [route.access];
  const ticket = route.acceptsTicket === true ? [{ ticket: [] }] : [];
  return [{ bearer: scopes }, { apiKey: scopes }, ...ticket];
}

function bodyContent({ body, lines }: AnyRoute) {
  const json = { "application/json": { schema: body } };
  return lines === undefined ? json : { ...json, "application/x-ndjson": { schema: lines } };
}

function register(app: OpenAPIHono, route: AnyRoute): void {
  const problems = problemStatuses(route).map((status) => [status, problemReply(status)] as const);
  const replies = [...problems, ...Object.entries(route.replies)];
  const hasBody = !(route.body instanceof z.ZodUndefined);
  app.openAPIRegistry.registerPath({
    method: route.method,
    path: route.path,
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    security: security(route),
    request: {
      ...(route.params instanceof z.ZodObject ? { params: route.params } : {}),
      ...(route.query instanceof z.ZodObject ? { query: route.query } : {}),
      ...(route.headers === undefined ? {} : { headers: route.headers }),
      ...(hasBody ? { body: { required: true, content: bodyContent(route) } } : {}),
    },
    responses: Object.fromEntries(replies.map(([status, reply]) => [status, toResponse(reply)])),
  });
}

const GeneratedSchema = z.looseObject({ schema: z.record(z.string(), z.unknown()) });

/** The generator writes schemas only inside paths, so one is made to be taken apart. */
function generateSchema(schema: z.ZodType): Record<string, unknown> {
  const app = new OpenAPIHono();
  const content = { "application/json": { schema } };
  app.openAPIRegistry.registerPath({ method: "get", path: "/", responses: { 200: { description: "", content } } });
  const document = app.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  const reply: unknown = document.paths?.["/"]?.get?.responses?.["200"]?.content?.["application/json"];
  return GeneratedSchema.parse(reply).schema;
}

/** Plain JSON. */
export type OpenApiDocument = Record<string, unknown>;

export function createOpenApiDocument(version: string): OpenApiDocument {
  const app = new OpenAPIHono();
  const schemes = app.openAPIRegistry;
  schemes.registerComponent("securitySchemes", "bearer", { type: "http", scheme: "bearer" });
  schemes.registerComponent("securitySchemes", "apiKey", { type: "apiKey", in: "header", name: "x-api-key" });
  schemes.registerComponent("securitySchemes", "ticket", { type: "apiKey", in: "query", name: "ticket" });
  for (const [name, schema] of Object.entries(named)) {
    schemes.registerComponent("schemas", name, generateSchema(schema));
  }
  for (const route of allRoutes) {
    register(app, route);
  }
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "AgentFlow Edge", version, description, license: { name: "MIT" } },
    tags: [
      { name: "Runs" },
      { name: "Rollouts" },
      { name: "Datasets" },
      { name: "Sessions" },
      { name: "Policies" },
      { name: "MCP servers" },
      { name: "Service" },
    ],
  });
  return nameSchemas(document);
}
