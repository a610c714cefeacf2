// Writes one reply, or one misbehaviour, to a real socket. Whatever waits here waits on a timer or on the socket
// and ends when the client goes away, so that a test that gives up leaves nothing behind.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { event, pieces, render, wholeBody } from "./completion.ts";
import { type HttpReply, refuseContext } from "./refusals.ts";
import { defaultReply } from "./replies.ts";
import { type Answer, type Fault, isFault, type MockOptions, type RecordedRequest, type Reply } from "./script.ts";

export interface Exchange {
  readonly request: RecordedRequest;
  readonly response: ServerResponse;
  readonly options: MockOptions;
  readonly ignored: ReadonlySet<string>;
}

export async function respond(exchange: Exchange, reply: Reply): Promise<void> {
  if (isFault(reply)) {
    await misbehave(exchange, reply);
  } else {
    await answer(exchange, typeof reply === "string" ? { text: reply } : reply);
  }
}

export function sendJson(response: ServerResponse, { status, body, headers = {} }: HttpReply): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function answer(exchange: Exchange, reply: Answer, stopAfter = Number.POSITIVE_INFINITY): Promise<void> {
  const { request, response, options, ignored } = exchange;
  await pause(exchange, reply.latencyMs ?? options.latencyMs ?? 0);
  const rendered = render(request, reply, ignored);
  if (request.body["stream"] !== true || ignored.has("stream")) {
    sendJson(response, { status: 200, body: wholeBody(rendered, ignored) });
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  let written = 0;
  let waiting = "";
  for (const piece of pieces(rendered, request.body, ignored)) {
    if (written >= stopAfter) {
      // Left unfinished on purpose: the caller cuts it or lets it hang.
      response.write(waiting);
      return;
    }
    written += 1;
    waiting += piece;
    if (reply.chunkMs !== undefined) {
      response.write(waiting);
      waiting = "";
      await pause(exchange, reply.chunkMs);
    }
  }
  response.end(`${waiting}data: [DONE]\n\n`);
}

/** Pieces of a reply that is then broken off: the role and two words. */
const PIECES_BEFORE_BREAK = 3;

async function misbehave(exchange: Exchange, fault: Fault): Promise<void> {
  const { request, response, options } = exchange;
  const normal = defaultReply(request, options);
  switch (fault.fault) {
    case "status":
      return sendJson(response, {
        status: fault.status,
        body: fault.body ?? message("scripted"),
        headers: fault.headers ?? {},
      });
    case "rate_limited":
      return sendJson(response, { status: 429, body: message("Rate limit reached"), headers: retryHeaders(fault) });
    case "server_error":
      return sendJson(response, { status: 500, body: message("Internal server error") });
    case "unauthorized": {
      const sent = (request.headers.authorization ?? "").replace("Bearer ", "");
      return sendJson(response, { status: 401, body: message(`Incorrect API key provided: ${sent}.`) });
    }
    case "model_not_found":
      return sendJson(response, {
        status: 404,
        body: message(`The model ${String(request.body["model"])} does not exist.`),
      });
    case "context_limit":
      return sendJson(response, refuseContext(fault.wording ?? "vllm"));
    case "reset":
      response.socket?.resetAndDestroy();
      return undefined;
    case "reset_mid_stream":
      await answer(exchange, { text: normal }, PIECES_BEFORE_BREAK);
      // The pieces must have left before the socket is torn down, or the client sees none of them.
      await pause(exchange, 20);
      response.socket?.resetAndDestroy();
      return undefined;
    case "eof_mid_stream":
      await answer(exchange, { text: normal }, PIECES_BEFORE_BREAK);
      response.end();
      return undefined;
    case "hang":
      await once(response, "close");
      return undefined;
    case "hang_mid_stream":
      await answer(exchange, { text: normal }, PIECES_BEFORE_BREAK);
      await once(response, "close");
      return undefined;
    case "endless":
      return writeForEver(exchange);
    case "not_json":
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html><body>Welcome to the proxy</body></html>");
      return undefined;
    case "error_in_stream":
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(
        `${event({ error: { message: "CUDA out of memory", type: "InternalServerError", code: 500 } })}data: [DONE]\n\n`,
      );
      return undefined;
    case "empty":
      return answer(exchange, { text: "" });
    case "prose":
      return answer(exchange, { text: "I would rather explain what I think about it in my own words." });
    case "truncated_json":
      return answer(exchange, { text: normal.slice(0, Math.floor(normal.length * 0.6)), finishReason: "length" });
    case "wrong_tool":
      return answer(exchange, { text: normal.replace(/"tool_name":"[^"]*"/u, '"tool_name":"crystal_ball"') });
  }
}

function message(text: string) {
  return { error: { message: text, type: "mock_error", param: null, code: null } };
}

function retryHeaders(fault: Extract<Fault, { fault: "rate_limited" }>): Record<string, string> {
  return {
    ...(fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) }),
    ...(fault.retryAfterMs === undefined ? {} : { "retry-after-ms": String(fault.retryAfterMs) }),
  };
}

async function writeForEver({ request, response }: Exchange): Promise<void> {
  const isStream = request.body["stream"] === true;
  response.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json" });
  const words = "and so on ".repeat(100);
  const chunk = isStream ? event({ choices: [{ index: 0, delta: { content: words } }] }) : words;
  response.write(isStream ? "" : '{"choices":[{"index":0,"message":{"content":"');
  const closed = once(response, "close");
  while (!response.destroyed) {
    if (!response.write(chunk)) {
      await Promise.race([once(response, "drain"), closed]);
    }
  }
}

async function pause({ response }: Exchange, ms: number): Promise<void> {
  if (ms <= 0 || response.destroyed) {
    return;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  response.once("close", resolve);
  await promise;
  clearTimeout(timer);
  response.off("close", resolve);
}
