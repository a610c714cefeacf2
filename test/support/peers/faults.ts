// How a peer misbehaves. A request asks for it with a word of its query or address, so that many cases can meet one
// server at once: `fault-slow`, `fault-limited-once-a`, … What is named `once` happens to the first request alone.

import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { unreachable } from "../../../src/lib/unreachable.ts";

export const faultKinds = [
  "slow",
  "limited",
  "broken",
  "denied",
  "garbage",
  "endless",
  "inward",
  "loop",
  "bomb",
  "reset",
] as const;
export type FaultKind = (typeof faultKinds)[number];

const marker = new RegExp(`fault-(${faultKinds.join("|")})(-once)?(-\\w+)?`);

export interface FaultMemory {
  readonly met: Set<string>;
}

/** Whether the request was answered with a fault. */
export function misbehave(
  asked: string,
  request: IncomingMessage,
  response: ServerResponse,
  memory: FaultMemory,
): boolean {
  const kind = faultOf(asked, memory);
  if (kind !== null) {
    answer(kind, request, response);
  }
  return kind !== null;
}

/** What is asked for; null where it is nothing, or was done before and is to be done once. */
export function faultOf(asked: string, memory: FaultMemory): FaultKind | null {
  const [whole = "", , once] = marker.exec(asked) ?? [];
  const kind = faultKinds.find((one) => whole.startsWith(`fault-${one}`)) ?? null;
  if (kind === null || (once !== undefined && memory.met.has(whole))) {
    return null;
  }
  memory.met.add(whole);
  return kind;
}

/** On a stream of server-sent events that is open already. */
export function spoil(kind: "garbage" | "endless", stream: ServerResponse): void {
  if (kind === "garbage") {
    stream.write('event: message\ndata: {"results": [{"url": 7}\n\n');
    return;
  }
  pour(stream);
}

function answer(kind: FaultKind, request: IncomingMessage, response: ServerResponse): void {
  switch (kind) {
    case "slow":
      // Headers at once and then nothing: the worst kind of slow.
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      return;
    case "limited":
      response.writeHead(429, { "retry-after": "1" }).end("Too many requests");
      return;
    case "broken":
      response.writeHead(500).end("<h1>Internal error</h1>");
      return;
    case "denied":
      response.writeHead(403).end('{"error":"the key secret-key-of-the-test is not valid"}');
      return;
    case "garbage":
      response.writeHead(200, { "content-type": "application/json" }).end('{"results": [{"url": 7}], "pages": "none"');
      return;
    case "endless":
      // As what the client wants to have, so that it reads.
      response.writeHead(200, {
        "content-type": request.headers.accept?.includes("text/html") === true ? "text/plain" : "application/json",
      });
      pour(response);
      return;
    case "inward":
      response.writeHead(302, { location: "http://127.0.0.1:9/latest/meta-data" }).end();
      return;
    case "loop":
      response.writeHead(302, { location: request.url ?? "/" }).end();
      return;
    case "bomb":
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" }).end(bomb());
      return;
    case "reset":
      request.socket.destroy();
      return;
    default:
      unreachable(kind);
  }
}

function pour(response: ServerResponse): void {
  const piece = "and so on and on ".repeat(4_000);
  const write = () => {
    while (!response.destroyed && response.write(piece)) {
      // until the socket is full
    }
  };
  response.on("drain", write);
  write();
}

let packed: Buffer | null = null;

/** 200 MB of blanks in 200 KB. */
function bomb(): Buffer {
  packed ??= gzipSync(Buffer.alloc(200 * 1024 * 1024, " "));
  return packed;
}
