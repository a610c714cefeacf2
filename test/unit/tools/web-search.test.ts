// `web_search` over the four services, as their documentation shows them, and where they misbehave.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Peers, peerVariables, startPeers } from "../../support/peers/peers.ts";
import { peerKey } from "../../support/peers/services.ts";
import { callTool, webTools } from "./support.ts";

let peers: Peers;
beforeAll(async () => {
  peers = await startPeers();
});
afterAll(() => peers.close());

describe.each(["searxng", "brave", "tavily", "google"] as const)("web_search through %s", (provider) => {
  const call = (query: string) => callTool(webTools(peerVariables(peers, provider)), "web_search", { query });

  test("gives hits as plain text and names the service", async () => {
    const outcome = await call("kestrel bridge opening");
    expect(outcome).toMatchObject({
      ok: true,
      value: {
        producedBy: provider === "google" ? "google programmable search" : provider,
        result: {
          query: "kestrel bridge opening",
          results: [
            {
              title: "Kestrel Bridge – county records",
              url: `${peers.origin}/pages/bridge`,
              snippet: "The Kestrel Bridge near Orsova: history and opening",
            },
            { url: "https://leaks.example.org/answers" },
            { url: `${peers.origin}/pages/plain` },
          ],
        },
      },
    });
    expect(JSON.stringify(outcome)).not.toContain(peerKey);
  });

  test.each([
    ["limited", "rate_limited"],
    ["broken", "server_error"],
    ["denied", "access_denied"],
    ["garbage", "bad_reply"],
    ["endless", "too_large"],
    ["reset", "connection_failed"],
  ])("a service that is %s ends in %s", async (fault, code) => {
    const outcome = await call(`bridge fault-${fault}-${provider}`);
    expect(outcome).toMatchObject({ ok: false, error: { code } });
    expect(JSON.stringify(outcome)).not.toContain(peerKey);
  });

  test("a redirect never leads inside, and takes no key along", async () => {
    const outcome = await call(`bridge fault-inward-${provider}`);
    expect(outcome).toMatchObject({ ok: false, error: { code: "address_refused" } });
  });

  test.each(["limited", "broken", "reset"])("what is %s once is asked again", async (fault) => {
    const before = peers.requests.length;
    expect(await call(`bridge fault-${fault}-once-${provider}`)).toMatchObject({ ok: true });
    expect(peers.requests.length - before).toBe(2);
  });

  test("three tries are all, and Retry-After is kept", async () => {
    const waits: number[] = [];
    const tools = webTools(peerVariables(peers, provider), { waits });
    await callTool(tools, "web_search", { query: `bridge fault-limited-waits-${provider}` });
    expect(waits).toEqual([1000, 1000]);
  });
});

test("the first service that is configured is the one, and none makes the tool say what it needs", () => {
  const all = {
    ...peerVariables(peers, "google"),
    ...peerVariables(peers, "tavily"),
    ...peerVariables(peers, "brave"),
  };
  const availability = (variables: Record<string, string>) =>
    webTools(variables).find((tool) => tool.name === "web_search")?.availability;
  expect(availability(all)).toEqual({ state: "ready" });
  expect(availability({ GOOGLE_SEARCH_API_KEY: "k" })).toEqual({
    state: "needs",
    needs: ["SEARXNG_URL or BRAVE_API_KEY or TAVILY_API_KEY or GOOGLE_SEARCH_API_KEY with GOOGLE_SEARCH_ENGINE_ID"],
  });
  return expect(callTool(webTools(all), "web_search", { query: "bridge" })).resolves.toMatchObject({
    value: { producedBy: "brave" },
  });
});

test("without a service a call is refused as not configured", async () => {
  expect(await callTool(webTools({}), "web_search", { query: "x" })).toMatchObject({
    ok: false,
    error: { code: "tool_not_configured" },
  });
});

test("a block-list hides its hosts and refuses its questions", async () => {
  const question = "In which year did the Kestrel Bridge open?";
  const tools = webTools({
    ...peerVariables(peers),
    BLOCKED_HOSTS: "example.org",
    BLOCKED_QUERIES: JSON.stringify([question]),
  });
  const outcome = await callTool(tools, "web_search", { query: "kestrel bridge" });
  expect(outcome).toMatchObject({ ok: true, value: { result: { blocked: 1 } } });
  expect(JSON.stringify(outcome)).not.toContain("leaks.example.org");
  const before = peers.requests.length;
  expect(
    await callTool(tools, "web_search", { query: "answer: in which year did the KESTREL bridge open ??" }),
  ).toMatchObject({ ok: false, error: { code: "query_blocked" } });
  expect(peers.requests).toHaveLength(before);
});

test("a cancelled call ends at once, a retry that it waits for included", async () => {
  const abort = new AbortController();
  const calling = callTool(
    webTools(peerVariables(peers)),
    "web_search",
    { query: "bridge fault-slow-cancelled" },
    abort.signal,
  );
  abort.abort();
  expect(await calling).toMatchObject({ ok: false, error: { code: "aborted" } });
});
