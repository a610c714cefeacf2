// A proxy in front of the service that cuts event streams after a number of events, as bad networks do.

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";

export interface CuttingProxy {
  readonly url: string;
  /** Last-Event-ID headers of the event requests so far, empty for none, oldest first. */
  readonly resumedFrom: readonly string[];
  close(): Promise<void>;
}

/** Passes whole messages on until `cutAfter` numbered events have gone out, then breaks the connection. */
function passEvents(from: IncomingMessage, to: ServerResponse, cutAfter: number): void {
  let events = 0;
  let text = "";
  from.setEncoding("utf8");
  from.on("data", (chunk: string) => {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0 && events < cutAfter; end = text.indexOf("\n\n")) {
      events += text.startsWith("id: ") ? 1 : 0;
      const isLast = events >= cutAfter;
      to.write(text.slice(0, end + 2), () => {
        if (isLast) {
          to.destroy();
        }
      });
      text = text.slice(end + 2);
    }
  });
  from.on("end", () => {
    if (events < cutAfter) {
      to.end(text);
    }
  });
}

/** Cuts the n-th event stream after `cuts[n]` events; streams beyond the list pass whole. */
export async function startCuttingProxy(target: string, cuts: readonly number[]): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const resumedFrom: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const { method = "GET", url = "/", headers } = incoming;
    const cutAfter = url.includes("/events") ? (cuts[resumedFrom.length] ?? Infinity) : null;
    if (cutAfter !== null) {
      resumedFrom.push(String(headers["last-event-id"] ?? ""));
    }
    const onward = request({ hostname, port, method, path: url, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.on("error", () => outgoing.destroy());
      if (cutAfter === null) {
        reply.pipe(outgoing);
      } else {
        passEvents(reply, outgoing, cutAfter);
      }
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const ownPort = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${ownPort}`,
    resumedFrom,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
