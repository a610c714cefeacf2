// The MCP servers that a tenant connects by itself. Their tools are in its catalogue and its runs, and in nobody else's;
// a secret is a name here, and its value never comes back out.

import * as z from "zod";
import { defaultHeader, serverFields } from "../../tools/remote/tool-server.ts";
import { McpRegistration, McpServerName, type RegisteredMcpServer } from "../../tools/mcp/registration.ts";
import { notFound } from "../call-session.ts";
import { type App, mount } from "../mount.ts";
import { invalidField } from "../problem.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { pageOf } from "../wire.ts";

const McpServerReply = z.strictObject({
  name: z.string().describe("Stands before the names of its tools."),
  url: z.string(),
  secret: z.string().nullable().describe("The name of the secret, never its value."),
  header: z.string().nullable().describe("Where the secret goes; null without one."),
  allowed_tools: z.array(z.string()).nullable().describe("Null: all."),
  timeout_seconds: z.int(),
  repeat: serverFields.repeat.nullable().describe("Null: what the server says of each tool."),
  created_at: z.string(),
  updated_at: z.string(),
});
type McpServerReply = z.infer<typeof McpServerReply>;

const DeleteReply = z.strictObject({ name: z.string(), deleted: z.literal(true) });

const common = {
  tag: "MCP servers",
  path: "/v1/mcp-servers/{name}",
  access: "admin",
  // Any text: a name that no server can have is one that is not there.
  params: z.strictObject({ name: z.string().describe("The server's name.") }),
  query: noQuery,
  body: noBody,
} as const;

export const putMcpServerRoute = defineRoute({
  ...common,
  id: "putMcpServer",
  method: "put",
  summary: "Connect an MCP server",
  description:
    "Its tools appear in your catalogue and to your planner as `<name>__<tool>`, everywhere within half a minute. " +
    "Another body changes the server. Whether it answers is in `sources` of `GET /v1/tools`.",
  params: z.strictObject({ name: McpServerName.describe("The server's name, which stands before its tools' names.") }),
  body: McpRegistration,
  replies: {
    200: json("It was there, and is now as this body says.", McpServerReply),
    201: json("It is connected.", McpServerReply),
  },
});

export const listMcpServersRoute = defineRoute({
  ...common,
  id: "listMcpServers",
  method: "get",
  path: "/v1/mcp-servers",
  summary: "List your MCP servers",
  params: noParams,
  replies: { 200: json("All of them by name, in one page.", pageOf(McpServerReply)) },
});

export const getMcpServerRoute = defineRoute({
  ...common,
  id: "getMcpServer",
  method: "get",
  summary: "One of your MCP servers",
  replies: { 200: json("The server.", McpServerReply) },
});

export const deleteMcpServerRoute = defineRoute({
  ...common,
  id: "deleteMcpServer",
  method: "delete",
  summary: "Remove an MCP server",
  description: "Runs that have its tools go on; their calls fail with `tool_unavailable` once a loop starts again.",
  replies: { 200: json("It is gone.", DeleteReply) },
});

function toReply({ name, registration, created_at, updated_at }: RegisteredMcpServer): McpServerReply {
  const { url, secret = null, header = defaultHeader, allowed_tools = null, ...rest } = registration;
  const { timeout_seconds, repeat = null } = rest;
  const access = { secret, header: secret === null ? null : header };
  return { name, url, ...access, allowed_tools, timeout_seconds, repeat, created_at, updated_at };
}

export function mountMcpServers(app: App, services: Services): void {
  const { mcpServers } = services;

  mount(app, services, putMcpServerRoute, async ({ principal, params, body }) => {
    const registered = await mcpServers.register(principal.tenant, params.name, body);
    if (!registered.ok) {
      const { field, code, detail } = registered.error;
      throw invalidField("invalid_request", field, code, detail);
    }
    const { server, isNew } = registered.value;
    return Response.json(toReply(server), { status: isNew ? 201 : 200 });
  });

  mount(app, services, listMcpServersRoute, async ({ principal }) => {
    const servers = await mcpServers.list(principal.tenant);
    return Response.json({ data: servers.map(toReply), has_more: false, next_cursor: null });
  });

  mount(app, services, getMcpServerRoute, async ({ principal, params }) => {
    const servers = await mcpServers.list(principal.tenant);
    const server = servers.find(({ name }) => name === params.name);
    if (server === undefined) {
      throw notFound("MCP server");
    }
    return Response.json(toReply(server));
  });

  mount(app, services, deleteMcpServerRoute, async ({ principal, params }) => {
    if (!(await mcpServers.remove(principal.tenant, params.name))) {
      throw notFound("MCP server");
    }
    return Response.json({ name: params.name, deleted: true });
  });
}
