// The name server in its JSON form: both families, chains, and everything that is no answer.

import { describe, expect, test } from "vitest";
import { createDnsResolver } from "../../../../src/lib/guarded-fetch/dns-over-https.ts";
import { createDeploymentGuard } from "../../../../src/lib/guarded-fetch/deployment-guard.ts";
import { createTtlCache } from "../../../../src/lib/ttl-cache.ts";

const server = "https://dns.example.com/dns-query";

type Answers = Readonly<Record<string, () => Response>>;

/** By record type. */
function createServer(answers: Answers) {
  const asked: string[] = [];
  const fetch = async (url: string) => {
    const query = new URL(url).searchParams;
    asked.push(`${query.get("name")} ${query.get("type")}`);
    return answers[query.get("type") ?? ""]?.() ?? Response.json({ Status: 0 });
  };
  let now = 0;
  const cache = createTtlCache<readonly string[]>({ now: () => now, ttlMs: 5000, maxEntries: 10 });
  return {
    asked,
    resolve: createDnsResolver({ url: server, fetch, cache }),
    wait: (ms: number) => {
      now += ms;
    },
  };
}

const answer = (...records: readonly (readonly [type: number, data: string])[]) =>
  Response.json({ Status: 0, TC: false, Answer: records.map(([type, data]) => ({ name: "x", type, TTL: 60, data })) });

describe("addresses", () => {
  test("come from both families", async () => {
    const { resolve, asked } = createServer({
      A: () => answer([1, "93.184.215.14"]),
      AAAA: () => answer([28, "2606:2800::1"]),
    });
    expect(await resolve("example.com", null)).toEqual(["93.184.215.14", "2606:2800::1"]);
    expect(asked).toEqual(["example.com A", "example.com AAAA"]);
  });

  test("at the end of a chain of names count, the names do not", async () => {
    const { resolve } = createServer({ A: () => answer([5, "cdn.example.net."], [1, "127.0.0.1"]) });
    expect(await resolve("example.com", null)).toEqual(["127.0.0.1"]);
  });

  test("are none for a name that does not exist", async () => {
    const none = () => Response.json({ Status: 3 });
    expect(await createServer({ A: none, AAAA: none }).resolve("example.com", null)).toEqual([]);
  });

  test("are asked for again after five seconds", async () => {
    const { resolve, asked, wait } = createServer({ A: () => answer([1, "1.1.1.1"]) });
    await resolve("example.com", null);
    wait(4999);
    await resolve("example.com", null);
    expect(asked).toHaveLength(2);
    wait(1);
    await resolve("example.com", null);
    expect(asked).toHaveLength(4);
  });
});

describe("no answer", () => {
  test.each([
    ["a server's failure", () => Response.json({ Status: 2 })],
    ["a refusal", () => Response.json({ Status: 5 })],
    ["an error page", () => new Response("down", { status: 503 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { location: "http://127.0.0.1/" } })],
    ["another shape", () => Response.json({ answers: [] })],
    ["no JSON", () => new Response("<html>")],
    ["a megabyte", () => new Response(" ".repeat(1_048_576))],
  ])("is %s for either family", async (_what, broken) => {
    const good = () => answer([1, "1.1.1.1"]);
    await expect(createServer({ A: broken, AAAA: good }).resolve("example.com", null)).rejects.toBeInstanceOf(Error);
    await expect(createServer({ A: good, AAAA: broken }).resolve("example.com", null)).rejects.toBeInstanceOf(Error);
  });

  test("is not remembered", async () => {
    let isDown = true;
    const { resolve } = createServer({
      A: () => (isDown ? new Response(null, { status: 503 }) : answer([1, "1.1.1.1"])),
    });
    await expect(resolve("example.com", null)).rejects.toThrow("the DNS server answered 503");
    isDown = false;
    expect(await resolve("example.com", null)).toEqual(["1.1.1.1"]);
  });
});

describe("a deployment with FETCH_DNS_URL", () => {
  function guardOver(address: string) {
    const reached: string[] = [];
    const fetch = async (url: string) => {
      reached.push(new URL(url).host);
      return url.startsWith(server) ? answer([1, address]) : new Response("here");
    };
    return { reached, guard: createDeploymentGuard({ FETCH_DNS_URL: server }, { fetch, now: () => 0 }) };
  }

  test("reaches a name with a public address", async () => {
    const { guard, reached } = guardOver("93.184.215.14");
    expect((await guard.fetch("https://example.com/")).status).toBe(200);
    expect(reached).toContain("example.com");
  });

  test("does not reach a name with an inner one, nor says that it would", async () => {
    const { guard, reached } = guardOver("192.168.0.10");
    await expect(guard.fetch("https://example.com/")).rejects.toMatchObject({ code: "address_refused" });
    expect(await guard.check("https://example.com/")).toMatchObject({ ok: false, error: { code: "address_refused" } });
    expect(reached).not.toContain("example.com");
  });
});
