// MCP servers on a real socket, built with the official SDK in each era, and ones that misbehave: at all times where
// their path says so, and with their tools alone where a word of their address or of a call's arguments does. The
// transport of 2024 is written out here, because the SDK no longer serves it.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import {
  createMcpHandler,
  InMemoryTransport,
  type JSONRPCMessage,
  McpServer,
  parseJSONRPCMessage,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import * as z from "zod";
import { type FaultMemory, faultOf, misbehave, spoil } from "./faults.ts";

export const mcpKey = "mcp-key-0123456789";

export interface McpRequest {
  readonly path: string;
  readonly method: string;
  /** The JSON-RPC method; null where there is none. */
  readonly rpc: string | null;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface McpPeers {
  readonly origin: string;
  readonly host: string;
  readonly requests: McpRequest[];
  /** Times that `order` was carried out. */
  readonly orders: () => number;
  /** What the modern server allows a list to be kept for, milliseconds. */
  ttlMs: number;
  close(): Promise<void>;
}

interface State {
  readonly requests: McpRequest[];
  orders: number;
  ttlMs: number;
  readonly sessions: Map<string, WebStandardStreamableHTTPServerTransport>;
  readonly streams: Map<string, OpenStream>;
  readonly faults: FaultMemory;
}

interface OpenStream {
  readonly transport: InMemoryTransport;
  readonly response: ServerResponse;
}

export async function startMcpPeers(): Promise<McpPeers> {
  const state: State = {
    requests: [],
    orders: 0,
    ttlMs: 60_000,
    sessions: new Map(),
    streams: new Map(),
    faults: { met: new Set() },
  };
  const server = createServer((request, response) => {
    handle(state, request, response).catch(() => response.destroy());
  });
  server.listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return {
    origin: `http://${host}`,
    host,
    requests: state.requests,
    orders: () => state.orders,
    get ttlMs() {
      return state.ttlMs;
    },
    set ttlMs(value) {
      state.ttlMs = value;
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function buildServer(state: State): McpServer {
  const server = new McpServer(
    { name: "stock", version: "2.1.0" },
    { cacheHints: { "tools/list": { ttlMs: state.ttlMs } } },
  );
  const sku = z.object({ sku: z.string().min(1).describe("The article's number.") });
  server.registerTool(
    "count",
    {
      description: "How many of an article are in stock.",
      inputSchema: sku,
      outputSchema: z.object({ sku: z.string(), count: z.number() }),
      annotations: { readOnlyHint: true },
    },
    ({ sku: wanted }) => ({
      content: [{ type: "text", text: `12 of ${wanted}` }],
      structuredContent: { sku: wanted, count: 12 },
    }),
  );
  server.registerTool("order", { description: "Orders an article.", inputSchema: sku }, ({ sku: wanted }) => {
    state.orders += 1;
    return { content: [{ type: "text", text: `ordered ${wanted}` }] };
  });
  server.registerTool("fail", { description: "Fails.", inputSchema: z.object({}) }, () => ({
    content: [{ type: "text", text: `the store is closed for ${mcpKey}` }],
    isError: true,
  }));
  server.registerTool("picture", { description: "A picture.", inputSchema: z.object({}) }, () => ({
    content: [
      { type: "text", text: "front" },
      { type: "image", mimeType: "image/png", data: "AAAA" },
    ],
  }));
  server.registerTool("hang", { description: "Takes for ever.", inputSchema: z.object({}) }, async (_args, context) => {
    await once(context.mcpReq.signal, "abort");
    return { content: [] };
  });
  server.registerTool("much", { description: "Says a lot.", inputSchema: z.object({}) }, () => ({
    content: [{ type: "text", text: "x".repeat(6 * 1024 * 1024) }],
  }));
  return server;
}

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await Readable.from(request).toArray());
  const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "peer"}`);
  const rpc = rpcMethodOf(body.toString());
  state.requests.push({ path: url.pathname, method: request.method ?? "", rpc, headers: request.headers });
  const isOfTools = rpc === "tools/list" || rpc === "tools/call";
  const asked = `${url.href} ${body.toString()}`;
  if (isOfTools && url.pathname !== "/messages" && misbehave(asked, request, response, state.faults)) {
    return;
  }
  switch (url.pathname) {
    case "/modern":
      return reply(response, await createMcpHandler(() => buildServer(state)).fetch(toWeb(request, url, body)));
    case "/legacy":
      return reply(response, await answerLegacy(state, toWeb(request, url, body)));
    case "/locked":
      return request.headers.authorization === `Bearer ${mcpKey}`
        ? reply(response, await createMcpHandler(() => buildServer(state)).fetch(toWeb(request, url, body)))
        : void response.writeHead(401).end();
    case "/sse":
      return openStream(state, url, request, response);
    case "/messages":
      return takeMessage(state, { asked: isOfTools ? asked : "", url, body }, request, response);
    default:
      if (!misbehave(`fault-${url.pathname.slice(1)}`, request, response, state.faults)) {
        response.writeHead(404).end();
      }
  }
}

async function answerLegacy(state: State, request: Request): Promise<Response> {
  const known = state.sessions.get(request.headers.get("mcp-session-id") ?? "");
  if (known !== undefined) {
    return known.handleRequest(request);
  }
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (id) => void state.sessions.set(id, transport),
    onsessionclosed: (id) => void state.sessions.delete(id),
  });
  await buildServer(state).connect(transport);
  return transport.handleRequest(request);
}

/** HTTP+SSE, revision 2024-11-05: a GET opens the stream, whose first event names the address for messages. */
async function openStream(state: State, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== "GET") {
    response.writeHead(405).end();
    return;
  }
  const id = randomUUID();
  const [near, far] = InMemoryTransport.createLinkedPair();
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK's transports are no event targets
  near.onmessage = (message: JSONRPCMessage) => {
    response.write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
  };
  await near.start();
  await buildServer(state).connect(far);
  state.streams.set(id, { transport: near, response });
  response.on("close", () => state.streams.delete(id));
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(`event: endpoint\ndata: /messages?id=${id}&${url.searchParams.toString()}\n\n`);
}

interface Message {
  /** What is searched for a fault; empty where none may be met. */
  readonly asked: string;
  readonly url: URL;
  readonly body: Buffer;
}

/** Answers come on the stream, and so do the faults that an answer can have. */
async function takeMessage(
  state: State,
  { asked, url, body }: Message,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const stream = state.streams.get(url.searchParams.get("id") ?? "");
  const fault = faultOf(asked, state.faults);
  if (fault === "slow" || fault === "garbage" || fault === "endless") {
    response.writeHead(202).end();
    if (fault !== "slow" && stream !== undefined) {
      spoil(fault, stream.response);
    }
    return;
  }
  if (fault !== null) {
    misbehave(asked, request, response, state.faults);
    return;
  }
  response.writeHead(stream === undefined ? 404 : 202).end();
  await stream?.transport.send(parseJSONRPCMessage(JSON.parse(body.toString())));
}

function rpcMethodOf(body: string): string | null {
  const parsed = z.looseObject({ method: z.string() }).safeParse(body === "" ? null : JSON.parse(body));
  return parsed.success ? parsed.data.method : null;
}

function toWeb(request: IncomingMessage, url: URL, body: Buffer<ArrayBuffer>): Request {
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const method = request.method ?? "GET";
  return new Request(url, { method, headers, ...(body.byteLength === 0 ? {} : { body }) });
}

async function reply(response: ServerResponse, web: Response): Promise<void> {
  response.writeHead(web.status, Object.fromEntries(web.headers));
  if (web.body !== null) {
    for await (const chunk of web.body) {
      response.write(chunk);
    }
  }
  response.end();
}
