// `wikipedia_search` against a wiki that speaks the MediaWiki API: what it finds, what it cites, how it behaves.

import { afterAll, beforeAll, expect, test } from "vitest";
import { maxResultChars } from "../../../src/agent/memory.ts";
import { type Peers, peerVariables, startPeers } from "../../support/peers/peers.ts";
import { callTool, webTools } from "./support.ts";

let peers: Peers;
beforeAll(async () => {
  peers = await startPeers();
});
afterAll(() => peers.close());

const call = (query: string, more: Record<string, string> = {}, waits: number[] = []) =>
  callTool(webTools({ ...peerVariables(peers), ...more }, { waits }), "wikipedia_search", { query });

test("passages come with title, address, revision and offsets, and fit into a turn's memory", async () => {
  const outcome = await call("Ilse Varga bridges");
  expect(outcome).toMatchObject({
    ok: true,
    value: { producedBy: `${peers.host}, ranked by bm25`, result: { query: "Ilse Varga bridges" } },
  });
  const text = JSON.stringify(outcome.ok ? outcome.value.result : null);
  expect(text).toContain("Her only bridge is the Kestrel Bridge near Orsova.");
  expect(text).toContain(`"title":"Ilse Varga","url":"${peers.origin}/wiki/Ilse_Varga","revision":90012`);
  expect(text).toMatch(/"start":\d+,"end":\d+,"score":/);
  expect(text.length).toBeLessThanOrEqual(maxResultChars);
});

test("a redirect is followed and named", async () => {
  const outcome = await call("Glass Harbor novel");
  expect(JSON.stringify(outcome)).toContain('"redirected_from":"Glass Harbor"');
});

test("a disambiguation page gives way to what it points to", async () => {
  const outcome = await call("Kestrel refer");
  const text = JSON.stringify(outcome);
  expect(text).toContain('"title":"Kestrel (bird)"');
  expect(text).toContain('"title":"Kestrel Bridge"');
  expect(text).not.toContain("may refer to");
});

test("a whole question is searched by its words where it finds nothing as it stands", async () => {
  const outcome = await call("Which engineer wrote the novel with a glass harbour in it?");
  expect(outcome).toMatchObject({
    ok: true,
    value: {
      result: {
        searched_for: "engineer OR wrote OR novel OR glass OR harbour",
        pages: expect.arrayContaining([expect.objectContaining({ title: "The Glass Harbour" })]),
      },
    },
  });
});

test("nothing found is an empty result and no failure", async () => {
  expect(await call("zzyzx")).toMatchObject({ ok: true, value: { result: { pages: [], other_pages: [] } } });
});

test("it asks politely: one request at a time, with maxlag and a name; a lagging wiki is waited for", async () => {
  const before = peers.requests.length;
  const waits: number[] = [];
  await call("lagging harbour", { TOOLS_CONTACT: "ops@example.org" }, waits);
  const asked = peers.requests.slice(before);
  expect(asked.length).toBeGreaterThan(1);
  expect(asked.every(({ url }) => url.includes("maxlag=5"))).toBe(true);
  expect(asked[0]?.headers["user-agent"]).toBe("AgentFlowEdge/0.1 (ops@example.org)");
  expect(asked[0]?.url).toBe(asked[1]?.url);
  // Once for the words as they stand, once for any of them.
  expect(waits).toEqual([1000, 1000]);
  expect(peers.widest.get("w")).toBe(1);
});

test.each([
  ["broken", "server_error"],
  ["limited", "rate_limited"],
  ["garbage", "bad_reply"],
  ["endless", "too_large"],
  ["inward", "address_refused"],
])("a wiki that is %s ends in %s", async (fault, code) => {
  expect(await call(`harbour fault-${fault}-wiki`)).toMatchObject({ ok: false, error: { code } });
});

test("no network is a clean failure", async () => {
  const outcome = await call("harbour", { WIKIPEDIA_BASE_URL: "http://127.0.0.1:9/w" });
  expect(outcome).toMatchObject({ ok: false, error: { code: "connection_failed", producedBy: "127.0.0.1:9" } });
});

test("language and address are configurable, and a wrong one is said in the catalogue", () => {
  const availability = (variables: Record<string, string>) =>
    webTools(variables).find((tool) => tool.name === "wikipedia_search")?.availability;
  expect(availability({})).toEqual({ state: "ready" });
  expect(availability({ WIKIPEDIA_LANGUAGE: "pt-br" })).toEqual({ state: "ready" });
  expect(availability({ WIKIPEDIA_LANGUAGE: "../evil" })).toMatchObject({ state: "needs" });
  expect(availability({ WIKIPEDIA_BASE_URL: "wiki" })).toMatchObject({ state: "needs" });
});

test("ranking by embeddings is named; a failing endpoint gives way to words and says so", async () => {
  const embeddings = { EMBEDDINGS_BASE_URL: peers.origin, EMBEDDINGS_MODEL: "letters-1" };
  expect(await call("harbour", embeddings)).toMatchObject({
    value: { producedBy: `${peers.host}, ranked by letters-1` },
  });
  const failing = { ...embeddings, EMBEDDINGS_BASE_URL: `${peers.origin}/nothing` };
  expect(await call("harbour", failing)).toMatchObject({
    value: { producedBy: `${peers.host}, ranked by bm25 (embeddings failed: not_found)` },
  });
});
