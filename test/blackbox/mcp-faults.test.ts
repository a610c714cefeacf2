// MCP servers of each era that misbehave, in real workerd: when they are asked for their tools, and when one of these is
// called. What is wrong with a server stands in the catalogue, what is wrong with a call in its reply; both end in time.

import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { startMcpPeers } from "../support/peers/mcp.ts";
import { until } from "../support/until.ts";
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

/** Those that time out first: servers are asked side by side, and these cost their whole time limit. */
const cases = eras
  .flatMap((era) => faults.map(([fault, code, sse = code]): Case => ({ era, fault, code: era === "sse" ? sse : code })))
  .toSorted((a, b) => Number(b.code === "timeout") - Number(a.code === "timeout"));

const peers = await startMcpPeers();
afterAll(() => peers.close());

const world = withMock({
  FETCH_ALLOW: peers.host,
  MCP_SERVERS: JSON.stringify([
    ...cases.map(({ era, fault }) => ({ name: `${era}-${fault}`, url: `${peers.origin}/${era}?fault-${fault}` })),
    ...eras.map((era) => ({ name: era, url: `${peers.origin}/${era}` })),
    // For calls that must time out, and none that must not: on a busy machine any call may take as long.
    ...eras.map((era) => ({ name: `${era}-hasty`, url: `${peers.origin}/${era}`, timeout_seconds: 1 })),
  ]),
});

const Sources = z.looseObject({
  sources: z.array(
    z.looseObject({ name: z.string(), state: z.string(), detail: z.string().nullable(), tools: z.array(z.string()) }),
  ),
});

/** What the catalogue says of a server. One that a busy machine kept from answering is asked again after a while. */
function sourceOf(name: string, { mayTimeOut }: { readonly mayTimeOut: boolean }) {
  return until(
    `the server ${name} has answered`,
    async () => {
      const { sources } = Sources.parse(await (await world.api.send("GET", "/v1/tools")).json());
      const found = sources.find((source) => source.name === name);
      return found?.detail?.startsWith("timeout: ") === true && !mayTimeOut ? null : found;
    },
    500_000,
  );
}

describe("a server that misbehaves when it is asked for its tools", () => {
  test.each(cases)("$era, $fault: $code", async ({ era, fault, code }) => {
    expect(await sourceOf(`${era}-${fault}`, { mayTimeOut: code === "timeout" })).toMatchObject({
      state: "unavailable",
      tools: [],
      detail: expect.stringMatching(`^${code}: `),
    });
  });

  test.each(eras)("takes nothing from the others of the %s era", async (era) => {
    expect(await sourceOf(era, { mayTimeOut: false })).toMatchObject({
      state: "ready",
      tools: expect.arrayContaining([`${era}__count`]),
    });
  });
});

describe("a server that misbehaves when a tool is called", () => {
  const called = lazily(cases, 4, async ({ era, fault, code }) => {
    const server = code === "timeout" ? `${era}-hasty` : era;
    await sourceOf(server, { mayTimeOut: false });
    const body = { arguments: { sku: `fault-${fault}-${era}` } };
    return (await world.api.send("POST", `/v1/tools/${server}__count/call`, { body })).json();
  });

  test.each(cases)("$era, $fault: $code", async (one) => {
    expect(await called(one)).toMatchObject({ ok: false, error: { code: one.code } });
  });

  test.each(eras)("answers the next call of the %s era", async (era) => {
    const reply = await world.api.send("POST", `/v1/tools/${era}__count/call`, { body: { arguments: { sku: "A-1" } } });
    expect(await reply.json()).toMatchObject({ ok: true, result: { sku: "A-1", count: 12 } });
  });
});
