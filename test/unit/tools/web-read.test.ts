// `web_read` over pages as they are found outside, and over servers that mean harm.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { maxResultChars } from "../../../src/agent/memory.ts";
import { type Peers, peerVariables, startPeers } from "../../support/peers/peers.ts";
import { callTool, webTools } from "./support.ts";

let peers: Peers;
beforeAll(async () => {
  peers = await startPeers();
});
afterAll(() => peers.close());

const read = (page: string, query = "When did the Kestrel Bridge open?", more: Record<string, string> = {}) =>
  callTool(webTools({ ...peerVariables(peers), ...more }), "web_read", { url: `${peers.origin}/pages/${page}`, query });

test("the passage that answers comes first, with offsets into the page's main text", async () => {
  const outcome = await read("bridge");
  expect(outcome).toMatchObject({
    ok: true,
    value: {
      producedBy: `${peers.host}, text by readability, ranked by bm25`,
      result: {
        url: `${peers.origin}/pages/bridge`,
        title: "Kestrel Bridge – county records",
        kind: "html",
        cut: false,
      },
    },
  });
  const text = JSON.stringify(outcome);
  expect(text).toMatch(/"passages":\[\{"text":"[^"]*opened on 14 May 1931/);
  expect(text).not.toContain("secret script");
  expect(text).not.toContain("About us");
  expect(JSON.stringify(outcome.ok && outcome.value.result).length).toBeLessThanOrEqual(maxResultChars);
});

test("a result fits into a turn's memory whatever the page is made of", async () => {
  const outcome = await read(`quotes?${"x".repeat(900)}`);
  expect(outcome).toMatchObject({ ok: true });
  expect(JSON.stringify(outcome.ok && outcome.value.result).length).toBeLessThanOrEqual(maxResultChars);
});

test("a PDF is read page by page, whatever its type says", async () => {
  expect(await read("pdf")).toMatchObject({
    ok: true,
    value: {
      producedBy: `${peers.host}, text by pdf.js, ranked by bm25`,
      result: { kind: "pdf", passages: [{ text: expect.stringContaining("opened on 14 May 1931"), page: 1 }] },
    },
  });
});

test.each([
  ["plain", "text", "Orsova"],
  ["json", "text", "14 May 1931"],
  ["latin1", "html", "Gebäude wurde für 3 Könige"],
  ["utf8", "html", "Gebäude wurde für 3 Könige"],
  ["nocharset", "html", "Gebäude wurde für 3 Könige"],
  ["shiftjis", "html", "東京タワー"],
])("%s is read as it was meant", async (page, kind, words) => {
  expect(await read(page, "Gebäude")).toMatchObject({
    ok: true,
    value: { result: { kind, passages: [{ text: expect.stringContaining(words) }] } },
  });
});

test.each([
  ["picture", "not_text"],
  ["brokenpdf", "unreadable"],
  ["pdfbomb", "unreadable"],
  ["pdflzw", "unreadable"],
  ["pdflocked", "unreadable"],
  ["empty", "empty_page"],
  ["none", "not_found"],
  ["x?fault-denied", "access_denied"],
  ["x?fault-broken-page", "server_error"],
  ["x?fault-limited-page", "rate_limited"],
  ["x?fault-inward", "address_refused"],
  ["x?fault-reset-page", "connection_failed"],
])("%s is the failure %s", async (page, code) => {
  expect(await read(page)).toMatchObject({ ok: false, error: { code } });
});

test("a bomb, an endless page and a huge page are cut, not swallowed", async () => {
  expect(await read("x?fault-bomb")).toMatchObject({ ok: false, error: { code: "empty_page" } });
  expect(await read("x?fault-endless", "and so on")).toMatchObject({ ok: true, value: { result: { cut: true } } });
  expect(await read("huge", "needle")).toMatchObject({
    ok: true,
    value: { result: { cut: true, passages: [{ text: expect.stringContaining("The needle lies at the start.") }] } },
  });
});

test("a page too deep for a tree is read without one", async () => {
  expect(await read("deep", "needle")).toMatchObject({
    ok: true,
    value: {
      producedBy: `${peers.host}, text by markup stripped, ranked by bm25`,
      result: { passages: [{ text: "The needle lies deep." }] },
    },
  });
});

test("a redirect loop ends, and so does a chain into a private network", async () => {
  const asked: string[] = [];
  const redirecting = (to: string) => (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response(null, { status: 302, headers: { location: to } }));
  };
  const readWith = (to: string) =>
    callTool(webTools({}, { send: redirecting(to) }), "web_read", { url: "example.com/start", query: "x" });
  expect(await readWith("https://example.com/next")).toMatchObject({
    ok: false,
    error: { code: "too_many_redirects" },
  });
  expect(asked).toHaveLength(6);
  expect(await readWith("http://10.0.0.1/")).toMatchObject({ ok: false, error: { code: "address_refused" } });
});

describe("addresses", () => {
  test.each([
    ["http://127.0.0.1:9/", "address_refused"],
    ["http://169.254.169.254/latest/meta-data", "address_refused"],
    ["http://2130706433/", "address_refused"],
    ["localhost/admin", "bad_url"],
    ["file:///etc/passwd", "bad_url"],
    ["not an address", "bad_url"],
    ["https://example.com:22/", "port_refused"],
  ])("%s is refused as %s", async (url, code) => {
    const outcome = await callTool(webTools(peerVariables(peers)), "web_read", { url, query: "x" });
    expect(outcome).toMatchObject({ ok: false, error: { code } });
  });

  test("a service that the operator named is no page that a model may read", async () => {
    const { FETCH_ALLOW: _allow, ...variables } = peerVariables(peers);
    expect(await callTool(webTools(variables), "web_search", { query: "bridge" })).toMatchObject({ ok: true });
    const url = `${peers.origin}/pages/bridge`;
    expect(await callTool(webTools(variables), "web_read", { url, query: "x" })).toMatchObject({
      ok: false,
      error: { code: "address_refused" },
    });
  });
});

test("blocked hosts are not read, and passages that quote a blocked question are left out", async () => {
  expect(await read("bridge", "x", { BLOCKED_HOSTS: "127.0.0.1" })).toMatchObject({
    ok: false,
    error: { code: "host_blocked" },
  });
  const outcome = await read("plain", "tower", {
    BLOCKED_QUERIES: "the town of Orsova keeps its records in a tower",
  });
  expect(outcome).toMatchObject({ ok: true, value: { result: { passages: [], blocked_passages: 3 } } });
});

test("embeddings rank where they are configured", async () => {
  const more = { EMBEDDINGS_BASE_URL: peers.origin, EMBEDDINGS_MODEL: "letters-1" };
  const outcome = await read("bridge", "opened in May 1931 in the presence of its designer", more);
  expect(outcome).toMatchObject({
    ok: true,
    value: { producedBy: `${peers.host}, text by readability, ranked by letters-1` },
  });
});
