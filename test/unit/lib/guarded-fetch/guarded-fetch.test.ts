// What the guard does on the way: names that resolve inwards, redirects, the deployment's lists, headers and bodies.

import { describe, expect, test } from "vitest";
import { FetchError, faultOf, isRefusal } from "../../../../src/lib/guarded-fetch/fetch-fault.ts";
import { readFetchRules } from "../../../../src/lib/guarded-fetch/fetch-rules.ts";
import { createWeb, outcome, redirectTo } from "./support.ts";

describe("a name's addresses", () => {
  test.each([
    [["93.184.215.14"], 200],
    [["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"], 200],
    [["127.0.0.1"], "address_refused"],
    [["93.184.215.14", "10.0.0.1"], "address_refused"],
    [["93.184.215.14", "::1"], "address_refused"],
    [["::ffff:169.254.169.254"], "address_refused"],
    [["not an address"], "address_refused"],
    [[], "connection_failed"],
  ])("%j gives %s", async (addresses, expected) => {
    const web = createWeb({ resolve: () => Promise.resolve(addresses) });
    expect(await outcome(web, "https://example.com/")).toBe(expected);
    expect(web.sent).toHaveLength(expected === 200 ? 1 : 0);
  });

  test("that nobody can say refuse the request", async () => {
    const web = createWeb({ resolve: () => Promise.reject(new Error("the name server is away")) });
    expect(await outcome(web, "https://example.com/")).toBe("connection_failed");
    expect(web.sent).toEqual([]);
  });

  test("are asked for without the last dot and in lower case", async () => {
    const asked: string[] = [];
    const web = createWeb({
      resolve: (name) => {
        asked.push(name);
        return Promise.resolve(["1.1.1.1"]);
      },
    });
    await outcome(web, "https://WWW.Example.com./");
    expect(asked).toEqual(["www.example.com"]);
  });

  test("are looked up again at every hop: a name that has turned inwards is not followed", async () => {
    const answers = [["93.184.215.14"], ["127.0.0.1"]];
    const web = createWeb({
      pages: { "https://rebind.example.com/": redirectTo("/again") },
      resolve: () => Promise.resolve(answers.shift() ?? []),
    });
    expect(await outcome(web, "https://rebind.example.com/")).toBe("address_refused");
    expect(web.sent).toHaveLength(1);
  });
});

describe("a redirect", () => {
  test.each([
    "http://127.0.0.1/",
    "http://localhost/",
    "http://2130706433/",
    "//169.254.169.254/latest/meta-data/",
    "http://[::ffff:127.0.0.1]/",
    "http://127.0.0.1.nip.io/",
  ])("to %s is refused", async (location) => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo(location) } });
    expect(await outcome(web, "https://example.com/")).toBe("address_refused");
    expect(web.sent).toHaveLength(1);
  });

  test.each([
    ["file:///etc/passwd", "bad_url"],
    ["http://[", "bad_url"],
    ["http://user:pass@example.org/", "bad_url"],
    ["http://example.org:6379/", "port_refused"],
  ])("to %s is %s", async (location, code) => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo(location) } });
    expect(await outcome(web, "https://example.com/")).toBe(code);
  });

  test("is followed five times and no more, unless the caller says otherwise", async () => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo("https://example.com/") } });
    expect(await outcome(web, "https://example.com/")).toBe("too_many_redirects");
    expect(web.sent).toHaveLength(6);
    await expect(web.guarded("https://example.com/", { maxRedirects: 0 })).rejects.toMatchObject({
      code: "too_many_redirects",
    });
    expect(web.sent).toHaveLength(7);
  });

  test("tells where it went", async () => {
    const web = createWeb({ pages: { "https://example.com/a": redirectTo("b#part") } });
    const trail: string[] = [];
    await web.guarded("https://example.com/a", { onRedirect: (url) => trail.push(url) });
    expect(trail).toEqual(["https://example.com/b"]);
  });

  test("is the reply where the caller follows by hand, and a fault where it wants none", async () => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo("http://127.0.0.1/") } });
    expect(await outcome(web, "https://example.com/", { redirect: "manual" })).toBe(302);
    expect(await outcome(web, "https://example.com/", { redirect: "error" })).toBe("too_many_redirects");
    expect(web.sent).toHaveLength(2);
  });

  test.each([304, 300])("is not what a %i is", async (status) => {
    const moved = () => new Response(null, { status, headers: { location: "http://127.0.0.1/" } });
    expect(await outcome(createWeb({ pages: { "https://example.com/": moved } }), "https://example.com/")).toBe(status);
  });

  test("without an address is the reply", async () => {
    const web = createWeb({ pages: { "https://example.com/": () => new Response(null, { status: 302 }) } });
    expect(await outcome(web, "https://example.com/")).toBe(302);
  });

  const secrets = {
    authorization: "Bearer of-the-first",
    cookie: "session=1",
    "x-subscription-token": "of-the-first",
    "user-agent": "agentflow",
  };

  test("to another origin takes no key along, whatever header it is in", async () => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo("https://other.example.com/") } });
    await web.guarded("https://example.com/", { headers: secrets });
    expect([...new Headers(web.sent[1]?.init.headers)]).toEqual([["user-agent", "agentflow"]]);
  });

  test.each(["http://example.com/", "https://example.com:8443/"])("to %s is one to another origin", async (there) => {
    const pages = { "https://example.com/": redirectTo(there) };
    const web = createWeb({ pages, rules: { FETCH_PORTS: "80,443,8443" } });
    await web.guarded("https://example.com/", { headers: secrets });
    expect(new Headers(web.sent[1]?.init.headers).has("authorization")).toBe(false);
  });

  test("within an origin keeps its headers", async () => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo("/next") } });
    await web.guarded("https://example.com/", { headers: secrets });
    expect(new Headers(web.sent[1]?.init.headers).get("authorization")).toBe("Bearer of-the-first");
  });

  test.each([
    [301, "POST", "GET", null],
    [302, "POST", "GET", null],
    [303, "POST", "GET", null],
    [303, "PUT", "GET", null],
    [301, "PUT", "PUT", "body"],
    [307, "POST", "POST", "body"],
    [308, "POST", "POST", "body"],
  ])("with %i turns %s into %s", async (status, method, next, body) => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo("/next", status) } });
    await web.guarded("https://example.com/", { method, body: "body", headers: { "content-type": "text/plain" } });
    expect(web.sent[1]?.init.method).toBe(next);
    expect(web.sent[1]?.init.body ?? null).toBe(body);
    expect(new Headers(web.sent[1]?.init.headers).has("content-type")).toBe(body !== null);
  });

  test("never takes a body to another origin", async () => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo("https://other.example.com/", 307) } });
    expect(await outcome(web, "https://example.com/", { method: "POST", body: "secret" })).toBe("address_refused");
    expect(web.sent).toHaveLength(1);
  });

  test("cannot send a stream twice", async () => {
    const web = createWeb({ pages: { "https://example.com/": redirectTo("/next", 307) } });
    const body = new Response("piece by piece").body;
    expect(await outcome(web, "https://example.com/", { method: "POST", body })).toBe("connection_failed");
  });
});

describe("the deployment's lists", () => {
  test("FETCH_ALLOW opens one host and port, and no other", async () => {
    const web = createWeb({ rules: { FETCH_ALLOW: "127.0.0.1:9001, peer.test:80" } });
    expect(await outcome(web, "http://127.0.0.1:9001/a")).toBe(200);
    expect(await outcome(web, "http://2130706433:9001/a")).toBe(200);
    expect(await outcome(web, "http://peer.test/")).toBe(200);
    expect(await outcome(web, "http://127.0.0.1:9002/")).toBe("address_refused");
    expect(await outcome(web, "http://localhost:9001/")).toBe("address_refused");
    expect(await outcome(web, "https://peer.test/")).toBe("address_refused");
  });

  test("FETCH_ALLOW asks no name server", async () => {
    const resolve = () => Promise.reject(new Error("a name server was asked"));
    const web = createWeb({ rules: { FETCH_ALLOW: "peer.test:80" }, resolve });
    expect(await outcome(web, "http://peer.test/")).toBe(200);
  });

  test("FETCH_ALLOW holds for the first hop alone, even back to the same peer", async () => {
    const pages = { "http://127.0.0.1:9001/": redirectTo("http://127.0.0.1:9001/again") };
    const web = createWeb({ rules: { FETCH_ALLOW: "127.0.0.1:9001" }, pages });
    expect(await outcome(web, "http://127.0.0.1:9001/")).toBe("address_refused");
    expect(web.sent).toHaveLength(1);
  });

  test("FETCH_DENY_HOSTS closes a name and all below it, for a redirect and before FETCH_ALLOW too", async () => {
    const pages = { "https://example.org/": redirectTo("https://www.example.com/") };
    const web = createWeb({ rules: { FETCH_DENY_HOSTS: "*.example.com", FETCH_ALLOW: "example.com:443" }, pages });
    expect(await outcome(web, "https://example.com/")).toBe("address_refused");
    expect(await outcome(web, "https://www.Example.com./")).toBe("address_refused");
    expect(await outcome(web, "https://example.org/")).toBe("address_refused");
    expect(await outcome(web, "https://notexample.com/")).toBe(200);
  });

  test("FETCH_ALLOW_HOSTS leaves nothing else open, and opens nothing inner", async () => {
    const web = createWeb({ rules: { FETCH_ALLOW_HOSTS: "example.com,localhost" } });
    expect(await outcome(web, "https://www.example.com/")).toBe(200);
    expect(await outcome(web, "https://example.org/")).toBe("address_refused");
    expect(await outcome(web, "https://1.1.1.1/")).toBe("address_refused");
    expect(await outcome(web, "http://localhost/")).toBe("address_refused");
  });

  test("FETCH_PORTS replaces the two ports of the web", async () => {
    const web = createWeb({ rules: { FETCH_PORTS: "443, 8000" } });
    expect(await outcome(web, "http://example.com:8000/")).toBe(200);
    expect(await outcome(web, "http://example.com/")).toBe("port_refused");
  });

  test.each(["eighty", "0", "70000", "-1", "80;443"])("a port %j is refused when the service starts", (port) => {
    expect(() => readFetchRules({ FETCH_PORTS: port })).toThrow("FETCH_PORTS");
  });
});

describe("a fault", () => {
  const key = "k-123456";
  const broken = {
    "https://example.com/": () => Promise.reject(new Error(`connect https://example.com/?key=${key}`)),
  };

  test("of the connection names the host and nothing else", async () => {
    const web = createWeb({ pages: broken });
    const error = await web.guarded(`https://example.com/`).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FetchError);
    expect(faultOf(error)).toEqual({ code: "connection_failed", detail: "example.com could not be reached" });
  });

  test.each([
    `http://127.0.0.1/?key=${key}`,
    `https://example.com:99/${key}`,
    `https://${key}@example.com/`,
    `gopher://example.com/${key}`,
  ])("of %s holds no part of the URL that could be a key", async (url) => {
    const error = await createWeb()
      .guarded(url)
      .catch((caught: unknown) => caught);
    expect(faultOf(error)?.detail).not.toContain(key);
  });

  test("is found inside the error that an SDK made of it", () => {
    const inner = new FetchError({ code: "port_refused", detail: "port 22 is not open to URLs" });
    expect(faultOf(new Error("Connection error.", { cause: inner }))?.code).toBe("port_refused");
    expect(faultOf(new Error("another"))).toBeNull();
    expect(["bad_url", "port_refused", "address_refused"] as const).toSatisfy((codes: readonly "bad_url"[]) =>
      codes.every(isRefusal),
    );
    expect(isRefusal("connection_failed")).toBe(false);
  });

  test("of a request that was aborted before it began is not sent at all", async () => {
    const web = createWeb();
    expect(await outcome(web, "https://example.com/", { signal: AbortSignal.abort() })).toBe("aborted");
    expect(web.sent).toEqual([]);
  });
});
