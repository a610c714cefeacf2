// Posts many bytes on a connection of its own and reads the reply as a caller does who writes first and reads then.
// A connection that breaks rejects: nothing is tried again.

import { request } from "node:http";
import { finished, Readable } from "node:stream";

export interface Posted {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const chunk = Buffer.alloc(65_536, "q");

function* pieces(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= chunk.byteLength) {
    yield chunk.subarray(0, Math.min(left, chunk.byteLength));
  }
}

/** `sized` sends Content-Length, `chunked` does not. */
export function postBytes(url: string, bytes: number, how: "sized" | "chunked", type: string): Promise<Posted> {
  const length: Record<string, string> = how === "sized" ? { "content-length": String(bytes) } : {};
  return new Promise((done, fail) => {
    const sent = request(url, { method: "POST", agent: false, headers: { "content-type": type, ...length } });
    sent.on("error", fail);
    sent.on("response", (reply) => {
      let text = "";
      reply.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      finished(reply, (error) => {
        if (error) {
          fail(error);
        } else {
          done({ status: reply.statusCode ?? 0, contentType: reply.headers["content-type"] ?? "", text });
        }
      });
    });
    Readable.from(pieces(bytes)).pipe(sent);
  });
}
