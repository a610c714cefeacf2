// How services answer is written down by calls of their tools, over peers that do and that do not.

import { afterAll, beforeAll, expect, test } from "vitest";
import { toCatalogue, toEntries } from "../../../src/http/tool-catalogue.ts";
import type { ToolHealth } from "../../../src/tools/web-service/watch-tool.ts";
import { type Peers, peerVariables, startPeers } from "../../support/peers/peers.ts";
import { searcher } from "../agent/support.ts";
import { callTool, webTools } from "./support.ts";

let peers: Peers;
beforeAll(async () => {
  peers = await startPeers();
});
afterAll(() => peers.close());

async function notesOf(name: string, args: unknown, more: Record<string, string> = {}) {
  const notes: string[] = [];
  const health = {
    note(tool: string, code: string | null) {
      notes.push(`${tool} ${code ?? "answered"}`);
      return Promise.resolve();
    },
  };
  await callTool(webTools({ ...peerVariables(peers), ...more }, { health }), name, args);
  return notes;
}

test.each([
  ["web_search", "kestrel bridge", "answered"],
  ["web_search", "fault-denied-health", "access_denied"],
  ["web_search", "fault-inward-health", "address_refused"],
  ["wikipedia_search", "Ilse Varga", "answered"],
  ["wikipedia_search", "fault-garbage-health", "bad_reply"],
  ["google_search", "When did it open?", "answered"],
  ["google_search", "fault-broken-health", "server_error"],
])("%s %s: %s", async (tool, query, note) => {
  expect(await notesOf(tool, { query })).toEqual([`${tool} ${note}`]);
});

test("what is not the service's is not held against it", async () => {
  const blocked = { BLOCKED_QUERIES: '["the question"]' };
  expect(await notesOf("web_search", { query: "the question" }, blocked)).toEqual([]);
  expect(await notesOf("web_read", { url: `${peers.origin}/pages/none`, query: "x" })).toEqual([]);
});

test("the catalogue shows it, for a connected tool when its server was asked", () => {
  const failing: ToolHealth = { state: "failing", code: "access_denied", checked_at: "2026-11-28T14:00:00.000Z" };
  const names = ["web_search", "web_read", "stock__count"];
  const stock = {
    name: "stock",
    kind: "mcp" as const,
    state: "ready" as const,
    version: "1",
    detail: null,
    skipped: [],
  };
  const catalogue = toCatalogue({
    tools: names.map((name) => searcher({ name })),
    sources: [{ ...stock, tools: ["stock__count"], checkedAt: 0 }],
  });
  const entries = toEntries(catalogue, { planner: "hosted", health: new Map([["web_search", failing]]) });
  expect(entries.map(({ health }) => health)).toEqual([
    failing,
    null,
    { state: "ok", code: null, checked_at: "1970-01-01T00:00:00.000Z" },
  ]);
});
