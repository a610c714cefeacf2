// The web tools in real workerd: runs on a real server process whose tools reach real HTTP peers, well-behaved ones and
// those that mean harm. What the tools make of it must stand in the run's log.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/agent/events.ts";
import { peerVariables, startPeers } from "../support/peers/peers.ts";
import { peerKey } from "../support/peers/services.ts";
import { lazily } from "./support/lazily.ts";
import { withMock, type WithMock } from "./support/with-mock.ts";

const peers = await startPeers();
afterAll(() => peers.close());

interface Case {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, string>>;
  /** `ok`, or the failure's code. */
  readonly ends: string;
  /** Words of the result. */
  readonly holds?: string;
}

interface NamedCase extends Case {
  readonly name: string;
}

const page = (path: string) => `${peers.origin}/pages/${path}`;
const read = (path: string, ends: string, holds?: string, query = "When did the Kestrel Bridge open?"): Case => ({
  tool: "web_read",
  arguments: { url: page(path), query },
  ends,
  ...(holds === undefined ? {} : { holds }),
});
const ask = (tool: string, query: string, ends: string, holds?: string): Case => ({
  tool,
  arguments: { query },
  ends,
  ...(holds === undefined ? {} : { holds }),
});

/** The same misbehaviour of each service. A slow one takes its whole timeout, beside the others. */
function harm(tool: string): Case[] {
  const codes = {
    slow: "timeout",
    limited: "rate_limited",
    broken: "server_error",
    denied: "access_denied",
    garbage: "bad_reply",
    endless: "too_large",
    inward: "address_refused",
    reset: "connection_failed",
    "broken-once": "ok",
  };
  return Object.entries(codes).map(([fault, code]) => ask(tool, `kestrel bridge fault-${fault}-${tool}`, code));
}

const first: readonly Case[] = [
  ask("wikipedia_search", "Ilse Varga bridges", "ok", "Her only bridge is the Kestrel Bridge near Orsova."),
  ask("wikipedia_search", "Glass Harbor novel", "ok", '"redirected_from":"Glass Harbor"'),
  ask("wikipedia_search", "lagging harbour novel", "ok"),
  ...harm("wikipedia_search").filter(({ ends }) => ends !== "ok"),
  ask("web_search", "kestrel bridge", "ok", "county records"),
  ...harm("web_search"),
  ask("google_search", "When did the Kestrel Bridge open?", "ok", "eröffnet.[1][3]"),
  ...harm("google_search"),
  read("bridge", "ok", "opened on 14 May 1931"),
  read("pdf", "ok", "opened on 14 May 1931"),
  read("latin1", "ok", "Gebäude wurde für 3 Könige"),
  read("shiftjis", "ok", "東京タワー"),
  read("plain", "ok", "Orsova"),
  read("huge", "ok", "The needle lies at the start.", "needle"),
  read("deep", "ok", "The needle lies deep.", "needle"),
  read("picture", "not_text"),
  read("brokenpdf", "unreadable"),
  read("pdfbomb", "unreadable", "too large when it is unpacked"),
  read("empty", "empty_page"),
  read("none", "not_found"),
  read("x?fault-bomb", "empty_page"),
  read("x?fault-endless", "ok", "and so on", "and so on"),
  read("x?fault-slow", "timeout"),
  read("x?fault-inward", "address_refused"),
  read("x?fault-reset", "connection_failed"),
  { tool: "web_read", arguments: { url: "http://127.0.0.1:9/", query: "x" }, ends: "address_refused" },
];

/** The mock model's planner and executor do what the case says, which they know by its name. */
function play({ mock }: WithMock, known: readonly NamedCase[]): void {
  mock.on("*", (request) => {
    const prompt = JSON.stringify(request.body["messages"]);
    const found = known.find(({ name }) => prompt.includes(`[${name}]`));
    if (found !== undefined && request.role === "planner") {
      return { json: { justification: "", context: "", sub_goal: "the case", tool_name: found.tool } };
    }
    return found !== undefined && request.role === "executor"
      ? { json: { analysis: "", calls: [{ arguments: found.arguments }] } }
      : null;
  });
}

function nameAll(list: readonly Case[]): NamedCase[] {
  return list.map((one, index) => ({ ...one, name: `case ${index}` }));
}

async function callOf({ api }: WithMock, { name, tool }: NamedCase): Promise<RunEvent> {
  const { id } = await api.start({ query: `Carry out [${name}].`, tools: [tool], limits: { max_turns: 1 } });
  await api.ended(id);
  const ended = (await api.events(id)).find((event) => event.type === "tool.completed" || event.type === "tool.failed");
  if (ended === undefined) {
    throw new Error(`${name} has no call that ended`);
  }
  return ended;
}

interface End {
  readonly ends: string;
  readonly holds: string;
  readonly leaks: string;
}

/** What the call came to, as far as the case says what it should; `leaks` is the key, should it stand there. */
function endOf(event: RunEvent, { holds = "" }: Case): End {
  const text = JSON.stringify(event);
  return {
    ends: event.type === "tool.failed" ? event.problem.code : "ok",
    holds: text.includes(holds) ? holds : text,
    leaks: text.includes(peerKey) ? text : "",
  };
}

const wanted = ({ ends, holds = "" }: Case): End => ({ ends, holds, leaks: "" });

describe("Wikipedia, SearXNG, Gemini and pages", () => {
  const service = withMock(peerVariables(peers));
  const list = nameAll(first);
  const called = lazily(list, 6, (one) => callOf(service, one));
  beforeAll(() => play(service, list));
  test.each(list)("$tool $arguments: $ends", async (one) => {
    expect(endOf(await called(one), one)).toEqual(wanted(one));
  });

  test("the tokens that Gemini used are in its run's usage", async () => {
    const asked = list.findIndex(({ tool, ends }) => tool === "google_search" && ends === "ok");
    const query = `Carry out [case ${asked}].`;
    const { id } = await service.api.start({ query, tools: ["google_search"], limits: { max_turns: 1 } });
    const { usage } = await service.api.ended(id);
    expect(usage.by_role.tool).toEqual({ prompt_tokens: 116, completion_tokens: 32 });
  });

  test("Gemini's citations were resolved six at a time at most, and their pages not fetched", () => {
    expect(peers.widest.get("grounding")).toBeLessThanOrEqual(6);
    expect(peers.requests.every(({ headers }) => headers.host === peers.host)).toBe(true);
  });
});

describe.each(["brave", "tavily", "google"] as const)("web_search through %s", (provider) => {
  const service = withMock(peerVariables(peers, provider));
  const happy = ask("web_search", "kestrel bridge", "ok", "county records");
  const list = nameAll([happy, ...harm("web_search")]).map((one) => ({
    ...one,
    // Each service has its first time of its own.
    arguments: { query: `${one.arguments["query"] ?? ""}${provider}` },
  }));
  const called = lazily(list, 6, (one) => callOf(service, one));
  beforeAll(() => play(service, list));
  test.each(list)("$tool $arguments: $ends", async (one) => {
    expect(endOf(await called(one), one)).toEqual(wanted(one));
  });
});

describe("a block-list, and ranking by embeddings", () => {
  const blocked = "In which year did the Kestrel Bridge open?";
  const service = withMock({
    ...peerVariables(peers),
    EMBEDDINGS_BASE_URL: peers.origin,
    EMBEDDINGS_MODEL: "letters-1",
    BLOCKED_HOSTS: "leaks.example.org",
    BLOCKED_QUERIES: JSON.stringify([blocked]),
  });
  const list = nameAll([
    ask("web_search", blocked, "query_blocked"),
    ask("web_search", "kestrel bridge", "ok", '"blocked":1'),
    { tool: "web_read", arguments: { url: "https://leaks.example.org/x", query: "x" }, ends: "host_blocked" },
    read("bridge", "ok", "ranked by letters-1"),
    ask("wikipedia_search", "Ilse Varga", "ok", "ranked by letters-1"),
  ]);
  const called = lazily(list, 3, (one) => callOf(service, one));
  beforeAll(() => play(service, list));
  test.each(list)("$tool $arguments: $ends", async (one) => {
    expect(endOf(await called(one), one)).toEqual(wanted(one));
  });

  test("is recorded in the run", async () => {
    const { id } = await service.api.start({
      query: "Carry out [case 1].",
      tools: ["web_search"],
      limits: { max_turns: 1 },
    });
    await service.api.ended(id);
    expect((await service.api.events(id))[0]).toMatchObject({
      type: "run.created",
      blocklist: { hosts: ["leaks.example.org"], queries: 1 },
    });
  });
});
