// The client library and the document parser inside workerd, where no code may be made from text: both eras of MCP
// against servers of the official SDK, and a document of OpenAPI 2 in YAML. Real sockets are in the other lanes.

import { createMcpHandler, McpServer, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import * as z from "zod";
import { createDeploymentGuard } from "../../src/lib/guarded-fetch/deployment-guard.ts";
import { createToolSources } from "../../src/tools/remote/create-tool-sources.ts";
import { createToolProvider } from "../../src/tools/remote/tool-provider.ts";
import { toolContext } from "../unit/tools/support.ts";

function build(): McpServer {
  const server = new McpServer({ name: "stock", version: "2.1.0" });
  server.registerTool(
    "count",
    {
      description: "How many of an article are in stock.",
      inputSchema: z.object({ sku: z.string() }),
      outputSchema: z.object({ count: z.number() }),
      annotations: { readOnlyHint: true },
    },
    () => ({ content: [], structuredContent: { count: 12 } }),
  );
  return server;
}

/** By session; a client that is done ends its own. */
const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>();

async function answerLegacy(request: Request): Promise<Response> {
  const known = sessions.get(request.headers.get("mcp-session-id") ?? "");
  if (known !== undefined) {
    return known.handleRequest(request);
  }
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID(),
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  await build().connect(transport);
  return transport.handleRequest(request);
}

const modern = createMcpHandler(build);

const swagger = `
swagger: '2.0'
info: {title: Old CRM, version: '1'}
paths:
  /customers/{id}:
    get:
      operationId: getCustomer
      parameters: [{name: id, in: path, required: true, type: string}]
      responses: {200: {description: ok}}
`;

function answer(request: Request): Promise<Response> | Response {
  switch (new URL(request.url).hostname) {
    case "modern.example.com":
      return modern.fetch(request);
    case "legacy.example.com":
      return answerLegacy(request);
    default:
      return request.url.endsWith(".yaml")
        ? new Response(swagger)
        : Response.json({ path: new URL(request.url).pathname });
  }
}

const variables = {
  MCP_SERVERS: JSON.stringify([
    { name: "new", url: "https://modern.example.com/mcp" },
    { name: "old", url: "https://legacy.example.com/mcp" },
  ]),
  OPENAPI_TOOLS: JSON.stringify([
    { name: "crm", document: "https://api.example.com/doc.yaml", base_url: "https://api.example.com/v1" },
  ]),
};

test("servers of both eras and an old document give tools that work", async () => {
  const now = () => 0;
  const guard = createDeploymentGuard(variables, { fetch: async (url, init) => answer(new Request(url, init)), now });
  const sources = createToolSources({
    variables,
    secretFor: () => ({ ok: true, value: "" }),
    fetch: guard.fetch,
    clock: { now, sleep: () => Promise.resolve() },
    random: () => 0,
  });
  const { tools, sources: states } = await createToolProvider({ builtIn: [], sources, now }).toolsFor("acme");
  expect(states.map(({ name, state, detail }) => [name, state, detail])).toEqual([
    ["new", "ready", null],
    ["old", "ready", null],
    ["crm", "ready", null],
  ]);
  const results = await Promise.all(
    tools.map((tool) =>
      tool.run(tool.parameters.parse(tool.name === "crm__getCustomer" ? { id: "c 1" } : { sku: "A-1" }), toolContext()),
    ),
  );
  expect(results).toEqual([
    { ok: true, value: { result: { count: 12 }, producedBy: "stock 2.1.0, tool count" } },
    { ok: true, value: { result: { count: 12 }, producedBy: "stock 2.1.0, tool count" } },
    { ok: true, value: { result: { path: "/v1/customers/c%201" }, producedBy: "Old CRM 1, GET /customers/{id}" } },
  ]);
});
