// The connected servers of a deployment, from its variables MCP_SERVERS and OPENAPI_TOOLS. An entry that is wrong
// becomes a source that says what is wrong.

import type { Result } from "../../lib/result.ts";
import { createMcpSource } from "../mcp/mcp-source.ts";
import { createOpenApiSource } from "../openapi/openapi-source.ts";
import type { OpenApiDeps } from "../openapi/operation-tool.ts";
import { type BadServer, McpServer, OpenApiServer, readServers } from "./tool-server.ts";
import { badSource, type ToolSource } from "./tool-source.ts";

export function createToolSources(deps: OpenApiDeps): ToolSource[] {
  const { variables } = deps;
  return [
    ...readServers(variables, "MCP_SERVERS", McpServer).map((server) =>
      toSource("mcp", server, (value) => createMcpSource(deps, value)),
    ),
    ...readServers(variables, "OPENAPI_TOOLS", OpenApiServer).map((server) =>
      toSource("openapi", server, (value) => createOpenApiSource(deps, value)),
    ),
  ];
}

function toSource<T>(kind: ToolSource["kind"], server: Result<T, BadServer>, create: (server: T) => ToolSource) {
  return server.ok ? create(server.value) : badSource(kind, server.error.name, server.error.problem);
}
