// A misbehaving OpenAI-compatible server on a real socket, for every test that needs a model and for benchmarks. It
// speaks like vLLM, tells the roles apart by X-AgentFlow-Role, and does what its script says; it runs no model.
//
//   node test/support/mock-openai.ts --port 8000 --latency-ms 200 --turns 3 --script script.json
//
// In its own process, `GET /requests` gives what was recorded and `POST /script` replaces the script.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { parseArgs } from "node:util";
import { parametersOf, refuseParameter } from "./mock-openai/refusals.ts";
import { defaultReply } from "./mock-openai/replies.ts";
import { respond, sendJson } from "./mock-openai/respond.ts";
import {
  type Behaviour,
  isRecord,
  type MockOptions,
  type RecordedRequest,
  type Reply,
  toTurn,
} from "./mock-openai/script.ts";

type Body = Record<string, unknown>;

export type { Answer, Behaviour, Fault, MockOptions, RecordedRequest, Reply } from "./mock-openai/script.ts";

export interface MockOpenAi {
  /** Base URL for a client: ends in `/v1`. */
  readonly url: string;
  readonly requests: readonly RecordedRequest[];
  /** Every request seen, kept or not. */
  readonly total: number;
  requestsOf(role: string): RecordedRequest[];
  /** What a role (`*` for those without their own) answers from now on; its calls are counted from 1 again. */
  on(role: string, behaviour: Behaviour): void;
  /** Changes options of a running server. */
  set(
    options: Pick<MockOptions, "refuse" | "wording" | "ignore" | "latencyMs" | "apiKey" | "stopAtTurn" | "tool">,
  ): void;
  /** Forgets requests, counts, scripts and `set`. */
  reset(): void;
  /** Breaks every open connection, and with it every call that hangs. */
  cut(): void;
  close(): Promise<void>;
}

/** What the accept queue holds: a benchmark opens a thousand connections at once. */
const BACKLOG = 4_096;
const KEEP = 10_000;

interface State {
  readonly initial: MockOptions;
  options: MockOptions;
  total: number;
  readonly requests: RecordedRequest[];
  readonly counts: Map<string, number>;
  readonly script: Map<string, Behaviour>;
}

export async function startMockOpenAi(initial: MockOptions = {}): Promise<MockOpenAi> {
  const state: State = {
    initial,
    options: initial,
    total: 0,
    requests: [],
    counts: new Map(),
    script: new Map(Object.entries(initial.script ?? {})),
  };
  const server = createServer((incoming, response) => {
    handle(state, incoming, response).catch((error: unknown) => {
      // A fault of the mock must be loud, but a socket that the client has closed is none.
      if (!response.destroyed) {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
  server.keepAliveTimeout = 60_000;
  const host = initial.host ?? "127.0.0.1";
  server.listen({ port: initial.port ?? 0, host, backlog: BACKLOG });
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return toMock(state, `http://${host}:${port}/v1`, server);
}

function toMock(state: State, url: string, server: Server): MockOpenAi {
  return {
    url,
    cut: () => server.closeAllConnections(),
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
    requests: state.requests,
    get total() {
      return state.total;
    },
    requestsOf: (role) => state.requests.filter((request) => request.role === role),
    on(role, behaviour) {
      state.counts.delete(role);
      state.script.set(role, behaviour);
    },
    set(more) {
      state.options = { ...state.options, ...more };
    },
    reset() {
      state.options = state.initial;
      state.total = 0;
      state.requests.length = 0;
      state.counts.clear();
      state.script.clear();
    },
  };
}

async function handle(state: State, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (incoming.url ?? "/").split("?")[0];
  const body = await readJson(incoming);
  switch (`${incoming.method} ${path}`) {
    case "GET /v1/models": {
      const data = (state.options.models ?? ["mock-model"]).map((id) => ({ id, object: "model", owned_by: "mock" }));
      sendJson(response, { status: 200, body: { object: "list", data } });
      return;
    }
    case "POST /v1/chat/completions":
      await onChat(state, incoming, response, body);
      return;
    case "GET /requests":
      sendJson(response, { status: 200, body: { total: state.total, requests: state.requests } });
      return;
    case "POST /script":
      state.counts.clear();
      loadScript(state.script, body);
      sendJson(response, { status: 200, body: {} });
      return;
    default:
      sendJson(response, { status: 404, body: { error: { message: `No route ${path}` } } });
  }
}

async function onChat(state: State, incoming: IncomingMessage, response: ServerResponse, body: Body): Promise<void> {
  const { options } = state;
  const isStranger = options.apiKey !== undefined && incoming.headers.authorization !== `Bearer ${options.apiKey}`;
  const parameters = parametersOf(body);
  const refused = (options.refuse ?? []).find((name) => parameters.has(name));
  // Only calls that reach the model are counted, so that a script's nth reply does not depend on a negotiation.
  const request = record(incoming, body, state.counts, isStranger || refused !== undefined ? 0 : 1);
  state.total += 1;
  state.requests.push(request);
  if (state.requests.length > (options.keep ?? KEEP)) {
    state.requests.shift();
  }
  response.on("close", () => {
    request.cut = !response.writableFinished;
  });
  const exchange = { request, response, options, ignored: new Set(options.ignore) };
  if (isStranger) {
    await respond(exchange, { fault: "unauthorized" });
  } else if (refused !== undefined) {
    sendJson(response, refuseParameter(refused, body, options.wording ?? "openai"));
  } else {
    const scripted = choose(state.script.get(request.role) ?? state.script.get("*"), request);
    await respond(exchange, scripted ?? defaultReply(request, options));
  }
}

function choose(behaviour: Behaviour | undefined, request: RecordedRequest): Reply | null {
  if (behaviour === undefined) {
    return null;
  }
  if (typeof behaviour === "function") {
    return behaviour(request, request.n);
  }
  return isList(behaviour) ? (behaviour[request.n - 1] ?? null) : behaviour;
}

function isList(behaviour: Reply | readonly Reply[]): behaviour is readonly Reply[] {
  return Array.isArray(behaviour);
}

function record(incoming: IncomingMessage, body: Body, counts: Map<string, number>, counted: 0 | 1): RecordedRequest {
  const header = (name: string) => incoming.headers[name]?.toString() ?? null;
  const role = header("x-agentflow-role") ?? "none";
  const n = (counts.get(role) ?? 0) + counted;
  counts.set(role, n);
  return {
    method: incoming.method ?? "",
    path: incoming.url ?? "",
    headers: incoming.headers,
    body,
    role,
    run: header("x-agentflow-run"),
    turn: toTurn(header("x-agentflow-turn")),
    n,
    cut: false,
  };
}

async function readJson(incoming: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    chunks.push(Buffer.from(chunk));
  }
  const text = Buffer.concat(chunks).toString("utf8");
  const value: unknown = text === "" ? {} : JSON.parse(text);
  return isRecord(value) ? value : {};
}

function loadScript(script: Map<string, Behaviour>, body: Record<string, unknown>): void {
  script.clear();
  for (const [role, behaviour] of Object.entries(body)) {
    if (isBehaviour(behaviour)) {
      script.set(role, behaviour);
    }
  }
}

/** A script in JSON is written by whoever runs the test; its outline is checked, its fields are not. */
function isBehaviour(value: unknown): value is Behaviour {
  return typeof value === "string" || isRecord(value) || Array.isArray(value);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "8000" },
      host: { type: "string", default: "127.0.0.1" },
      script: { type: "string" },
      "latency-ms": { type: "string", default: "0" },
      turns: { type: "string", default: "1" },
      tool: { type: "string" },
      refuse: { type: "string", default: "" },
      keep: { type: "string", default: "1000" },
    },
  });
  const script = new Map<string, Behaviour>();
  if (values.script !== undefined) {
    const body: unknown = JSON.parse(readFileSync(values.script, "utf8"));
    loadScript(script, isRecord(body) ? body : {});
  }
  const mock = await startMockOpenAi({
    port: Number(values.port),
    host: values.host,
    latencyMs: Number(values["latency-ms"]),
    stopAtTurn: Number(values.turns),
    keep: Number(values.keep),
    refuse: values.refuse.split(",").filter((name) => name !== ""),
    script: Object.fromEntries(script),
    ...(values.tool === undefined ? {} : { tool: values.tool }),
  });
  process.stdout.write(`mock listening on ${mock.url}\n`);
}

if (import.meta.main) {
  await main();
}
