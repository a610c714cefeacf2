// A proxy in front of the service that cuts event streams after a number of events, as bad networks do.

import { createServer, request, type Server } from "node:http";
import { once } from "node:events";

export interface CuttingProxy {
  readonly url: string;
  /** Last-Event-ID headers of the event requests so far, empty for none, oldest first. */
  readonly resumedFrom: readonly string[];
  close(): Promise<void>;
}

/** Cuts the n-th event stream after `cuts[n]` events; streams beyond the list pass whole. */
export async function startCuttingProxy(target: string, cuts: readonly number[]): Promise<CuttingProxy> {
  const resumedFrom: string[] = [];
  const server: Server = createServer((incoming, outgoing) => {
    const { hostname, port } = new URL(target);
    const isStream = incoming.url?.includes("/events") === true;
    const cutAfter = isStream ? (cuts[resumedFrom.length] ?? Infinity) : Infinity;
    if (isStream) {
      resumedFrom.push(String(incoming.headers["last-event-id"] ?? ""));
    }
    const { method, url, headers } = incoming;
    const onward = request(
      { hostname, port, ...(method === undefined ? {} : { method }), path: url, headers },
      (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
        let events = 0;
        reply.on("data", (chunk: Buffer) => {
          outgoing.write(chunk);
          events +=
            chunk.toString("utf8").split("\nid: ").length - 1 + (chunk.toString("utf8").startsWith("id: ") ? 1 : 0);
          if (events >= cutAfter) {
            outgoing.destroy();
            onward.destroy();
          }
        });
        reply.on("end", () => outgoing.end());
        reply.on("error", () => outgoing.destroy());
      },
    );
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    resumedFrom,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
