// How a peer misbehaves. A request asks for it with a word of its query or address, so that many cases can meet one
// server at once: `fault-slow`, `fault-limited-once-a`, … What is named `once` happens to the first request alone.

import type { IncomingMessage, ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";

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
  const found = marker.exec(asked);
  if (found === null) {
    return false;
  }
  const [whole, kind = "", once] = found;
  if (once !== undefined && memory.met.has(whole)) {
    return false;
  }
  memory.met.add(whole);
  answer(kind, request, response);
  return true;
}

function answer(kind: string, request: IncomingMessage, response: ServerResponse): void {
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
      endless(response);
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
    default:
      request.socket.destroy();
  }
}

function endless(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/plain" });
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
