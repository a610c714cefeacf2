// MCP servers of each era that misbehave, in real workerd: when they are asked for their tools, and when one of these is
// called. What is wrong with a server stands in the catalogue, what is wrong with a call in its reply; both end in time.

import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { startMcpPeers } from "../support/peers/mcp.ts";
import { lazily } from "./support/lazily.ts";
import { withMock } from "./support/with-mock.ts";

const eras = ["modern", "legacy", "sse"] as const;
type Era = (typeof eras)[number];

/** Codes of a failure; of HTTP+SSE another where its client waits for a reply that can be read. */
const faults: readonly (readonly [fault: string, code: string, sse?: string])[] = [
  ["slow", "timeout"],
  ["limited", "rate_limited"],
  ["broken", "server_error"],
  ["denied", "access_denied"],
  ["garbage", "bad_reply", "timeout"],
  ["endless", "too_large"],
  ["inward", "address_refused"],
  ["reset", "connection_failed"],
];

interface Case {
  readonly era: Era;
  readonly fault: string;
  readonly code: string;
}

const cases = eras.flatMap((era) =>
  faults.map(([fault, code, sse = code]): Case => ({ era, fault, code: era === "sse" ? sse : code })),
);

const peers = await startMcpPeers();
afterAll(() => peers.close());

const world = withMock({
  FETCH_ALLOW: peers.host,
  MCP_SERVERS: JSON.stringify([
    ...eras.map((era) => ({ name: era, url: `${peers.origin}/${era}`, timeout_seconds: 3 })),
    ...cases.map(({ era, fault }) => ({ name: `${era}-${fault}`, url: `${peers.origin}/${era}?fault-${fault}` })),
  ]),
});

const Sources = z.looseObject({
  sources: z.array(
    z.looseObject({ name: z.string(), state: z.string(), detail: z.string().nullable(), tools: z.array(z.string()) }),
  ),
});

describe("a server that misbehaves when it is asked for its tools", () => {
  const listed = lazily(
    ["all"],
    1,
    async () => Sources.parse(await (await world.api.send("GET", "/v1/tools")).json()).sources,
  );

  test.each(cases)("$era, $fault: $code", async ({ era, fault, code }) => {
    const found = (await listed("all")).find(({ name }) => name === `${era}-${fault}`);
    expect(found).toMatchObject({ state: "unavailable", tools: [], detail: expect.stringMatching(`^${code}: `) });
  });

  test.each(eras)("takes nothing from the others of the %s era", async (era) => {
    expect((await listed("all")).find(({ name }) => name === era)).toMatchObject({
      state: "ready",
      tools: expect.arrayContaining([`${era}__count`]),
    });
  });
});

describe("a server that misbehaves when a tool is called", () => {
  const called = lazily(cases, 4, async ({ era, fault }) => {
    const body = { arguments: { sku: `fault-${fault}-${era}` } };
    return (await world.api.send("POST", `/v1/tools/${era}__count/call`, { body })).json();
  });

  test.each(cases)("$era, $fault: $code", async (one) => {
    expect(await called(one)).toMatchObject({ ok: false, error: { code: one.code } });
  });

  test.each(eras)("answers the next call of the %s era", async (era) => {
    const reply = await world.api.send("POST", `/v1/tools/${era}__count/call`, { body: { arguments: { sku: "A-1" } } });
    expect(await reply.json()).toMatchObject({ ok: true, result: { sku: "A-1", count: 12 } });
  });
});
