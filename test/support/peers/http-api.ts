// A company's HTTP API on a real socket, with its OpenAPI document in several forms. It writes down what it was sent
// and misbehaves on paths that say so, and where a word of the request does.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { type FaultMemory, misbehave } from "./faults.ts";

export const apiKey = "api-key-0123456789";

export interface ApiRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface HttpApi {
  readonly origin: string;
  readonly host: string;
  readonly requests: ApiRequest[];
  close(): Promise<void>;
}

export async function startHttpApi(): Promise<HttpApi> {
  const requests: ApiRequest[] = [];
  const faults: FaultMemory = { met: new Set() };
  const server = createServer((request, response) => {
    answer({ requests, faults }, request, response).catch(() => response.destroy());
  });
  server.listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return {
    origin: `http://${host}`,
    host,
    requests,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface State {
  readonly requests: ApiRequest[];
  readonly faults: FaultMemory;
}

async function answer({ requests, faults }: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = Buffer.concat(await Readable.from(request).toArray()).toString();
  const { pathname } = new URL(request.url ?? "/", "http://peer");
  if (pathname.startsWith("/documents/")) {
    sendDocument(pathname.slice("/documents/".length), response);
    return;
  }
  requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
  if (misbehave(`${request.url} ${body}`, request, response, faults)) {
    return;
  }
  const json = (status: number, value: unknown): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  switch (pathname) {
    case "/v2/customers/c-1":
      return json(200, { id: "c-1", name: "Orsova Bridges", key_seen: request.headers["x-api-key"] });
    case "/v2/customers/c-2":
      return json(404, { problem: "there is no customer c-2" });
    case "/v2/customers/broken":
      return json(500, {});
    case "/v2/customers/inward":
      response.writeHead(302, { location: "http://127.0.0.1:9/" }).end();
      return;
    case "/v2/customers/picture":
      response.writeHead(200, { "content-type": "image/png" }).end(Buffer.from([1, 2, 3]));
      return;
    case "/v2/customers/long":
      response.writeHead(200, { "content-type": "text/plain" }).end("x".repeat(400_000));
      return;
    case "/v2/customers/silent":
      return;
    default:
      return json(200, { method: request.method, url: request.url, body });
  }
}

function sendDocument(name: string, response: ServerResponse): void {
  const text = {
    "v3.json": JSON.stringify(document),
    "v2.yaml": swagger,
    "garbage.json": "<html>",
    "empty.json": "{}",
  }[name];
  response.writeHead(text === undefined ? 404 : 200, { "content-type": "text/plain" }).end(text ?? "no");
}

const customer = { $ref: "#/components/schemas/Customer" };

const document = {
  openapi: "3.0.3",
  info: { title: "CRM", version: "2.4" },
  servers: [{ url: "https://elsewhere.example/v9" }],
  paths: {
    "/customers/{id}": {
      parameters: [{ $ref: "#/components/parameters/Id" }],
      get: {
        operationId: "getCustomer",
        summary: "One customer.",
        parameters: [{ name: "X-Api-Key", in: "header", required: true, schema: { type: "string" } }],
      },
      put: {
        operationId: "replaceCustomer",
        requestBody: { required: true, content: { "application/json": { schema: customer } } },
      },
    },
    "/customers": {
      get: {
        operationId: "listCustomers",
        parameters: [
          { name: "tag", in: "query", schema: { type: "array", items: { type: "string" } } },
          { name: "ids", in: "query", explode: false, schema: { type: "array", items: { type: "integer" } } },
          { name: "filter", in: "query", style: "deepObject", schema: { type: "object" } },
          { name: "limit", in: "query", schema: { type: "integer", minimum: 1, maximum: 100, nullable: true } },
        ],
      },
      post: {
        operationId: "createCustomer",
        description: "Adds a customer.",
        requestBody: { required: true, content: { "application/json": { schema: customer } } },
      },
    },
    "/payments": {
      post: {
        operationId: "pay",
        parameters: [{ name: "Idempotency-Key", in: "header", required: true, schema: { type: "string" } }],
        requestBody: {
          content: { "application/x-www-form-urlencoded": { schema: { type: "object", additionalProperties: true } } },
        },
      },
    },
    "/files": {
      post: { operationId: "upload", requestBody: { required: true, content: { "multipart/form-data": {} } } },
    },
    "/health": { get: { responses: {} } },
  },
  components: {
    parameters: {
      Id: { name: "id", in: "path", required: true, description: "The number.", schema: { type: "string" } },
    },
    schemas: {
      Customer: {
        type: "object",
        required: ["name"],
        properties: {
          name: { type: "string", maxLength: 40, pattern: "^(a+)+$", example: "aaa" },
          parent: { $ref: "#/components/schemas/Customer" },
        },
      },
    },
  },
};

const swagger = `
swagger: '2.0'
info: {title: Old CRM, version: '1'}
host: elsewhere.example
paths:
  /customers:
    get:
      operationId: listCustomers
      parameters:
        - {name: limit, in: query, type: integer, minimum: 1}
      responses: {200: {description: ok}}
`;
