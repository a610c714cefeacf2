// The connected servers of a deployment, from its variables MCP_SERVERS and OPENAPI_TOOLS. An entry that is wrong
// becomes a source that says what is wrong.

import { err, type Result } from "../../lib/result.ts";
import { createMcpSource } from "../mcp/mcp-source.ts";
import { createOpenApiSource } from "../openapi/openapi-source.ts";
import type { OpenApiDeps } from "../openapi/operation-tool.ts";
import { type BadServer, McpServer, OpenApiServer, readServers } from "./tool-server.ts";
import type { ToolSource } from "./tool-source.ts";

export function createToolSources(deps: OpenApiDeps): ToolSource[] {
  const { variables } = deps;
  const all = [
    ...readServers(variables, "MCP_SERVERS", McpServer).map((server) =>
      toSource("mcp", server, (value) => createMcpSource(deps, value)),
    ),
    ...readServers(variables, "OPENAPI_TOOLS", OpenApiServer).map((server) =>
      toSource("openapi", server, (value) => createOpenApiSource(deps, value)),
    ),
  ];
  return all.map((source, index) =>
    all.findIndex(({ name }) => name === source.name) === index
      ? source
      : badSource(source.kind, { name: source.name, problem: "another server has this name" }),
  );
}

function toSource<T>(kind: ToolSource["kind"], server: Result<T, BadServer>, create: (server: T) => ToolSource) {
  return server.ok ? create(server.value) : badSource(kind, server.error);
}

function badSource(kind: ToolSource["kind"], { name, problem }: BadServer): ToolSource {
  return {
    name,
    kind,
    isFor: () => true,
    load: () => Promise.resolve(err({ state: "needs", code: "bad_configuration", detail: problem })),
  };
}
