// All peers of the web tools in one server on a real socket: a wiki, search services, Gemini, embeddings, a web site.
// It serves the corpus of its own folder and misbehaves when a request asks for it; it reaches nothing outside.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { type FaultMemory, misbehave } from "./faults.ts";
import { answerWiki } from "./mediawiki.ts";
import { webPage } from "./pages.ts";
import { answerService, peerKey } from "./services.ts";

export interface PeerRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Peers {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** `127.0.0.1:<port>`, for FETCH_ALLOW. */
  readonly host: string;
  readonly requests: readonly PeerRequest[];
  /** The largest number of requests that were open at once, by the first part of their path. */
  readonly widest: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

interface State {
  readonly requests: PeerRequest[];
  readonly open: Map<string, number>;
  readonly widest: Map<string, number>;
  readonly faults: FaultMemory;
  readonly lagged: Set<string>;
}

export async function startPeers(): Promise<Peers> {
  const state: State = {
    requests: [],
    open: new Map(),
    widest: new Map(),
    faults: { met: new Set() },
    lagged: new Set(),
  };
  const server = createServer((request, response) => {
    handle(state, request, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  server.listen({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  return {
    origin: `http://${host}`,
    host,
    requests: state.requests,
    widest: state.widest,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Variables that point every tool at the peers; `web_search` uses the provider that is named. */
export function peerVariables(
  { origin, host }: Pick<Peers, "origin" | "host">,
  provider: "searxng" | "brave" | "tavily" | "google" | "none" = "searxng",
): Record<string, string> {
  const providers = {
    searxng: { SEARXNG_URL: `${origin}/searxng` },
    brave: { BRAVE_BASE_URL: `${origin}/brave`, BRAVE_API_KEY: peerKey },
    tavily: { TAVILY_BASE_URL: `${origin}/tavily`, TAVILY_API_KEY: peerKey },
    google: {
      GOOGLE_SEARCH_BASE_URL: `${origin}/google`,
      GOOGLE_SEARCH_API_KEY: peerKey,
      GOOGLE_SEARCH_ENGINE_ID: "engine-1",
    },
    none: {},
  };
  return {
    FETCH_ALLOW: host,
    WIKIPEDIA_BASE_URL: `${origin}/w`,
    GEMINI_BASE_URL: `${origin}/gemini`,
    GEMINI_API_KEY: peerKey,
    ...providers[provider],
  };
}

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  const url = new URL(request.url ?? "/", `http://${request.headers.host ?? "peer"}`);
  state.requests.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
  count(state, url.pathname.split("/")[1] ?? "", response);
  if (misbehave(`${decodeURIComponent(url.href)} ${body}`, request, response, state.faults)) {
    return;
  }
  if (url.pathname === "/w/api.php") {
    const { headers = {}, body: reply } = answerWiki(url.searchParams, url.origin, state.lagged);
    sendJson(response, 200, reply, headers);
    return;
  }
  if (url.pathname.startsWith("/grounding/")) {
    sendRedirect(response, url);
    return;
  }
  const page = url.pathname.startsWith("/pages/") ? webPage(url.pathname.slice("/pages/".length)) : null;
  if (page !== null) {
    response.writeHead(200, { "content-type": page.type }).end(page.bytes);
    return;
  }
  const call = { path: url.pathname, query: url.searchParams, headers: request.headers, body, origin: url.origin };
  const { status = 200, body: reply } = answerService(call) ?? { status: 404, body: { error: "no such path" } };
  sendJson(response, status, reply);
}

/** Late enough that all of a batch are open at once. */
const redirectMs = 50;

function sendRedirect(response: ServerResponse, url: URL): void {
  const number = Number(url.pathname.split("/").at(-1));
  setTimeout(() => {
    // The fourth is gone, as such addresses are after some weeks.
    response
      .writeHead(
        number === 3 ? 404 : 302,
        number === 3 ? {} : { location: `https://source-${number}.example/page?x=1` },
      )
      .end();
  }, redirectMs);
}

function count({ open, widest }: State, part: string, response: ServerResponse): void {
  const now = (open.get(part) ?? 0) + 1;
  open.set(part, now);
  widest.set(part, Math.max(now, widest.get(part) ?? 0));
  response.on("close", () => open.set(part, (open.get(part) ?? 1) - 1));
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString("utf8");
}
