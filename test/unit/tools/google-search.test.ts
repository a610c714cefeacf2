// `google_search`: an answer with marks at the right bytes, citations resolved six at a time, and Gemini misbehaving.

import { afterAll, beforeAll, expect, test } from "vitest";
import type { TokenUsage } from "../../../src/engines/engine.ts";
import { GroundedReply, readGrounded, usageOf } from "../../../src/tools/google-search/grounding.ts";
import { type Peers, peerVariables, startPeers } from "../../support/peers/peers.ts";
import { peerKey } from "../../support/peers/services.ts";
import { callTool, toolContext, webTools } from "./support.ts";

let peers: Peers;
beforeAll(async () => {
  peers = await startPeers();
});
afterAll(() => peers.close());

const call = (query: string, more: Record<string, string> = {}) =>
  callTool(webTools({ ...peerVariables(peers), ...more }), "google_search", { query });

test("the answer carries its citations, each with the page behind the redirect", async () => {
  const outcome = await call("When did the Kestrel Bridge open?");
  expect(outcome).toMatchObject({
    ok: true,
    value: {
      producedBy: "gemini-peer-1 with Google Search",
      result: {
        answer: "Die Brücke wurde am 14. Mai 1931 eröffnet.[1][3] Ilse Varga entwarf sie.[2]",
        searches: ["kestrel bridge opening"],
      },
    },
  });
  const citations = outcome.ok ? JSON.stringify(outcome.value.result) : "";
  expect(citations).toContain('{"number":1,"title":"source-0.example","url":"https://source-0.example/page?x=1"}');
  expect(citations).toContain(
    `{"number":4,"title":"source-3.example","url":"${peers.origin}/grounding/3","unresolved":true}`,
  );
  expect(citations).toContain('"number":8');
  expect(peers.widest.get("grounding")).toBeGreaterThan(1);
  expect(peers.widest.get("grounding")).toBeLessThanOrEqual(6);
});

test("the key travels in a header, never in an address or a result", async () => {
  const outcome = await call("When did the Kestrel Bridge open?");
  expect(JSON.stringify(outcome)).not.toContain(peerKey);
  expect(peers.requests.every(({ url }) => !url.includes(peerKey))).toBe(true);
});

test.each([
  ["broken", "server_error"],
  ["limited", "rate_limited"],
  ["denied", "access_denied"],
  ["garbage", "bad_reply"],
  ["endless", "too_large"],
  ["inward", "address_refused"],
])("a Gemini that is %s ends in %s", async (fault, code) => {
  const outcome = await call(`Bridge fault-${fault}-gemini`);
  expect(outcome).toMatchObject({ ok: false, error: { code } });
  expect(JSON.stringify(outcome)).not.toContain(peerKey);
});

test("an answer that stands on a blocked page is not given", async () => {
  expect(await call("When did it open?", { BLOCKED_HOSTS: "source-2.example" })).toMatchObject({
    ok: false,
    error: { code: "host_blocked" },
  });
});

test("without a key the tool is not ready", () => {
  const tool = webTools({}).find((one) => one.name === "google_search");
  expect(tool?.availability).toEqual({ state: "needs", needs: ["GEMINI_API_KEY"] });
});

test("the tokens that Gemini used are counted, also where its answer is not given", async () => {
  const counted: TokenUsage[] = [];
  const tokensOf = async (more: Record<string, string>) => {
    const tools = webTools({ ...peerVariables(peers), ...more });
    const tool = tools.find(({ name }) => name === "google_search");
    counted.length = 0;
    const context = { ...toolContext(), countTokens: (usage: TokenUsage) => void counted.push(usage) };
    const outcome = await tool?.run({ query: "When did it open?" }, context);
    return { ok: outcome?.ok, counted: [...counted] };
  };
  const usage = { prompt_tokens: 9 + 107, completion_tokens: 20 + 12 };
  expect(await tokensOf({})).toEqual({ ok: true, counted: [usage] });
  expect(await tokensOf({ BLOCKED_HOSTS: "source-2.example" })).toEqual({ ok: false, counted: [usage] });
});

test("counts that are none cost no answer", () => {
  const reply = GroundedReply.parse({ usageMetadata: { promptTokenCount: "9", candidatesTokenCount: 3 } });
  expect(usageOf(reply)).toEqual({ prompt_tokens: 0, completion_tokens: 3 });
  expect(usageOf(GroundedReply.parse({ usageMetadata: 7 }))).toEqual({ prompt_tokens: 0, completion_tokens: 0 });
});

test("a reply without text is none, and thoughts are no answer", () => {
  expect(readGrounded({})).toBeNull();
  expect(readGrounded({ candidates: [{ content: { parts: [{ text: "hmm", thought: true }] } }] })).toBeNull();
});

test("a mark beyond the text's end or without a source does no harm", () => {
  const groundingSupports = [
    { segment: { endIndex: 999 }, groundingChunkIndices: [0, 7] },
    { segment: { endIndex: 2 }, groundingChunkIndices: [9] },
  ];
  const groundingChunks = [{ web: { uri: "https://a.example/", title: null } }];
  const candidate = {
    content: { parts: [{ text: "Yes." }] },
    groundingMetadata: { groundingChunks, groundingSupports },
  };
  expect(readGrounded({ candidates: [candidate] })).toEqual({
    text: "Yes.[1]",
    sources: [{ url: "https://a.example/", title: "" }],
    searches: [],
  });
});
