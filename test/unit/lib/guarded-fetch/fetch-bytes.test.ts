// One request and its whole reply: the caps of bytes, time and redirects, against a real server where the platform's
// own fetch matters (decompression, stalled bodies), in memory elsewhere.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { fetchBytes, type FetchLimits } from "../../../../src/lib/guarded-fetch/fetch-bytes.ts";
import { readFetchRules } from "../../../../src/lib/guarded-fetch/fetch-rules.ts";
import { createGuardedFetch } from "../../../../src/lib/guarded-fetch/guarded-fetch.ts";
import { createWeb, redirectTo } from "./support.ts";

function limits(change: Partial<FetchLimits> = {}): FetchLimits {
  return { maxBytes: 1000, timeoutMs: 60_000, signal: new AbortController().signal, ...change };
}

/** A server of the test, and a guard that lets it be reached. */
async function serve(listener: RequestListener) {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const host = `127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  const guarded = createGuardedFetch({
    rules: readFetchRules({ FETCH_ALLOW: host }),
    resolve: null,
    fetch: (url, init) => fetch(url, init),
  });
  return { guarded, url: `http://${host}/` };
}

describe("a reply", () => {
  test("comes with its status, its bytes and where it came from", async () => {
    const pages = { "https://example.com/": redirectTo("/b"), "https://example.com/b": () => new Response("hello") };
    const got = await fetchBytes(createWeb({ pages }).guarded, { url: "https://example.com/" }, limits());
    expect(got).toMatchObject({
      ok: true,
      value: { status: 200, isTruncated: false, finalUrl: "https://example.com/b", redirects: 1 },
    });
    expect(got.ok && new TextDecoder().decode(got.value.bytes)).toBe("hello");
  });

  test("without a body is empty", async () => {
    const pages = { "https://example.com/": () => new Response(null, { status: 204 }) };
    const got = await fetchBytes(createWeb({ pages }).guarded, { url: "https://example.com/" }, limits());
    expect(got).toMatchObject({ ok: true, value: { status: 204, redirects: 0, finalUrl: "https://example.com/" } });
  });

  test.each([
    [999, "refuse", { ok: true, value: { isTruncated: false } }],
    [1000, "refuse", { ok: true, value: { isTruncated: false } }],
    [1001, "refuse", { ok: false, error: { code: "too_large" } }],
    [1001, "cut", { ok: true, value: { isTruncated: true } }],
    [50_000, "cut", { ok: true, value: { isTruncated: true } }],
  ] as const)("of %i bytes under a cap of 1000, larger ones: %s", async (size, larger, expected) => {
    const pages = { "https://example.com/": () => new Response("x".repeat(size)) };
    const got = await fetchBytes(createWeb({ pages }).guarded, { url: "https://example.com/" }, limits({ larger }));
    expect(got).toMatchObject(expected);
    expect(got.ok ? got.value.bytes.byteLength : 0).toBe(got.ok ? Math.min(size, 1000) : 0);
  });

  test("that unpacks to a thousand times its size is stopped at the cap", async () => {
    const bomb = gzipSync(new Uint8Array(64 * 1024 * 1024));
    const { guarded, url } = await serve((_request, response) => {
      response.setHeader("content-encoding", "gzip");
      response.end(bomb);
    });
    const got = await fetchBytes(guarded, { url }, limits({ maxBytes: 100_000 }));
    expect(got).toMatchObject({ ok: false, error: { code: "too_large" } });
  });

  test("that is not what its encoding says is a broken connection", async () => {
    const { guarded, url } = await serve((_request, response) => {
      response.setHeader("content-encoding", "gzip");
      response.end("this is no gzip");
    });
    expect(await fetchBytes(guarded, { url }, limits())).toMatchObject({
      ok: false,
      error: { code: "connection_failed" },
    });
  });

  test("that breaks off is a broken connection", async () => {
    const { guarded, url } = await serve((_request, response) => {
      response.setHeader("content-length", "100");
      response.write("half", () => response.destroy());
    });
    expect(await fetchBytes(guarded, { url }, limits())).toMatchObject({
      ok: false,
      error: { code: "connection_failed" },
    });
  });

  test("that never ends is cut at the cap", async () => {
    const { guarded, url } = await serve((_request, response) => {
      const more = () => response.write("x".repeat(1024), (error) => (error ? undefined : setImmediate(more)));
      more();
    });
    const got = await fetchBytes(guarded, { url }, limits({ larger: "cut" }));
    expect(got).toMatchObject({ ok: true, value: { isTruncated: true } });
  });
});

describe("time", () => {
  test("ends a reply whose headers never come", async () => {
    const { guarded, url } = await serve(() => undefined);
    expect(await fetchBytes(guarded, { url }, limits({ timeoutMs: 20 }))).toMatchObject({
      ok: false,
      error: { code: "timeout" },
    });
  });

  test("ends a reply whose body stalls", async () => {
    const { guarded, url } = await serve((_request, response) => {
      response.write("the beginning");
    });
    expect(await fetchBytes(guarded, { url }, limits({ timeoutMs: 50 }))).toMatchObject({
      ok: false,
      error: { code: "timeout" },
    });
  });

  test("ends a reply in memory whose body stalls and listens to nobody", async () => {
    const stalled = new ReadableStream({ pull: () => new Promise<void>(() => undefined) });
    const web = createWeb({ pages: { "https://example.com/": () => new Response(stalled) } });
    const abort = new AbortController();
    const got = fetchBytes(web.guarded, { url: "https://example.com/" }, limits({ signal: abort.signal }));
    abort.abort();
    expect(await got).toMatchObject({ ok: false, error: { code: "aborted" } });
  });
});
