// A body that is refused is still taken from the caller to its end: whoever writes more than the service reads gets
// a problem document each time, not a broken connection.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Problem } from "../../src/http/problem.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { type Posted, postBytes } from "./support/post-bytes.ts";

const twoMegabytes = 2_000_000;
const posts = 50;
/** So many at a time. */
const width = 10;

const state = temporaryDir();
let server: Server;

beforeAll(async () => {
  server = await startServer({ stateDir: state.path, env: { INFERENCE_BASE_URL: "offline" } });
});

afterAll(async () => {
  await server.kill9();
  state.remove();
});

function summary({ status, contentType, text }: Posted): string {
  return contentType === "application/problem+json" ? `${status} ${Problem.parse(JSON.parse(text)).code}` : text;
}

/** How often each outcome was seen. */
async function tally(total: number, post: () => Promise<Posted>): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let done = 0; done < total; done += width) {
    const outcomes = Array.from({ length: width }, () => post().then(summary, String));
    for (const outcome of await Promise.all(outcomes)) {
      seen[outcome] = (seen[outcome] ?? 0) + 1;
    }
  }
  return seen;
}

describe("a body of 2 MB", () => {
  test.each(["sized", "chunked"] as const)("is 413 every time, %s", async (how) => {
    const post = () => postBytes(`${server.url}/v1/solve`, twoMegabytes, how, "application/json");
    expect(await tally(posts, post)).toEqual({ "413 body_too_large": posts });
  });

  test.each([
    ["/v1/nothing", "application/json", "404 not_found"],
    ["/v1/runs", "application/json", "405 method_not_allowed"],
    ["/v1/solve", "text/plain", "415 unsupported_media_type"],
    ["/v1/runs/run_00000000000000000000000000_0001/cancel", "application/json", "413 body_too_large"],
  ])("to %s as %s is %s", async (path, type, expected) => {
    const post = () => postBytes(`${server.url}${path}`, twoMegabytes, "sized", type);
    expect(await tally(width, post)).toEqual({ [expected]: width });
  });
});
