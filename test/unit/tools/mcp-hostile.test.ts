// MCP servers that mean harm: ones that want to be asked for ever, and ones that say what they were told in confidence.
// They are functions here, because what counts is what the client does next.

import { afterEach, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { parametersOf } from "../../../src/agent/prompts/tool-card.ts";
import { openConversation } from "../../../src/tools/remote/capped-fetch.ts";
import { connect, sourceOf } from "./connected.ts";
import { toolContext } from "./support.ts";

const Message = z.looseObject({ id: z.union([z.string(), z.number()]).optional(), method: z.string() });
type Message = z.infer<typeof Message>;

type Answer = (message: Message) => Response;

const reply = ({ id }: Message, result: unknown) => Response.json({ jsonrpc: "2.0", id, result });
const refuse = ({ id }: Message, code: number, message: string) =>
  Response.json({ jsonrpc: "2.0", id, error: { code, message } });

/** A server of 2025, but for what `answers` says. */
function serverOf(answers: Readonly<Record<string, Answer>>): typeof fetch {
  const usual: Readonly<Record<string, Answer>> = {
    initialize: (message) =>
      reply(message, {
        protocolVersion: "2025-06-18",
        capabilities: { tools: {} },
        serverInfo: { name: "stock", version: "1" },
      }),
    "notifications/initialized": () => new Response(null, { status: 202 }),
  };
  return async (input, init) => {
    const message = Message.parse(await new Request(input, init).json());
    const answer = answers[message.method] ?? usual[message.method];
    return answer === undefined ? refuse(message, -32_601, "no such method") : answer(message);
  };
}

function stock(
  send: typeof fetch,
  more: Readonly<Record<string, string>> = {},
  variables: Record<string, string> = {},
) {
  const servers = [{ name: "stock", url: "https://stock.example.com/mcp", ...more }];
  return connect({ MCP_SERVERS: JSON.stringify(servers), ...variables }, { send });
}

afterEach(() => {
  vi.useRealTimers();
});

test("a stream that does not open is not tried again once the conversation is over", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const send: typeof fetch = (_url, init) =>
    init?.method === "POST"
      ? Promise.resolve(new Response(null, { status: 405 }))
      : Promise.reject(new TypeError("the connection was reset"));
  expect(await sourceOf(stock(send), "stock")).toMatchObject({ state: "unavailable" });
  expect(vi.getTimerCount()).toBe(0);
});

test("a conversation ends with its hundredth request, however often the server wants to be asked", async () => {
  const { signal, fetch: ask } = openConversation(() => Promise.resolve(new Response()), {
    maxBytes: 1,
    signal: new AbortController().signal,
  });
  for (let request = 0; request < 100; request += 1) {
    await ask("https://stock.example.com/mcp");
  }
  expect(signal.aborted).toBe(false);
  await expect(ask("https://stock.example.com/mcp")).rejects.toMatchObject({ code: "too_large" });
  expect(signal.reason).toMatchObject({ message: "the server made the client send more than 100 requests" });
});

describe("a secret that a server repeats while it is listed", () => {
  const key = "sk-0123456789";
  const told = (answers: Readonly<Record<string, Answer>>) =>
    stock(serverOf(answers), { secret: "TOOL_SECRET_STOCK" }, { TOOL_SECRET_STOCK: key });

  test.each(["initialize", "tools/list"])("is not in the fault of %s", async (method) => {
    const connected = told({ [method]: (message) => refuse(message, -32_000, `invalid key ${key}`) });
    expect(await sourceOf(connected, "stock")).toMatchObject({
      state: "unavailable",
      detail: "tool_error: invalid key [secret]",
    });
  });

  test("is not in a fault that is cut in its middle", async () => {
    const words = `${"x".repeat(995)}${key}`;
    const connected = told({ "tools/list": (message) => refuse(message, -32_000, words) });
    expect(JSON.stringify(await sourceOf(connected, "stock"))).not.toContain("sk-");
  });

  test("is in no card, no reason and no name", async () => {
    const tools = [
      {
        name: `count_${key}`,
        description: `${"x".repeat(1_995)}${key}`,
        inputSchema: { type: "object", properties: { sku: { type: "string", description: `for ${key}` } } },
      },
      { name: `…${key}`, inputSchema: { type: "object", description: "x".repeat(20_000) } },
    ];
    const connected = told({
      initialize: (message) =>
        reply(message, {
          protocolVersion: "2025-06-18",
          capabilities: { tools: {} },
          serverInfo: { name: `stock of ${key}`, version: "1" },
        }),
      "tools/list": (message) => reply(message, { tools }),
    });
    const { tools: cards, sources } = await connected.provider.toolsFor("acme");
    expect(cards).toHaveLength(1);
    const called = await cards[0]?.run({}, toolContext());
    expect(called).toMatchObject({ error: { producedBy: "stock of [secret] 1, tool count_[secret]" } });
    const shown = JSON.stringify([cards, cards.map(parametersOf), sources, called]);
    expect(shown).toContain("[secret]");
    expect(shown).not.toContain("sk-");
  });
});

test("a list is offered up to its size, and what is left out is named up to a number", async () => {
  const properties = { a: { type: "string", description: "x".repeat(15_000) } };
  const tools = Array.from({ length: 250 }, (_, index) => ({
    name: `t${index}`,
    inputSchema: { type: "object", properties },
  }));
  const connected = stock(serverOf({ "tools/list": (message) => reply(message, { tools }) }));
  const { tools: cards, sources } = await connected.provider.toolsFor("acme");
  expect(cards).toHaveLength(17);
  expect(sources[0]?.skipped).toHaveLength(129);
  expect(sources[0]?.skipped[0]).toEqual({
    name: "t17",
    reason: "the server's tools have more than 262144 characters",
  });
  expect(sources[0]?.skipped.at(-1)).toEqual({ name: "…", reason: "105 more are not offered" });
});
