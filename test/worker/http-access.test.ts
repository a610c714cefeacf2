import { describe, expect, test } from "vitest";
import * as z from "zod";
import { RunObject } from "../../src/agent/run-object.ts";
import { TicketReply } from "../../src/http/wire.ts";
import { createWorld, onlySession, type TestWorld } from "../support/http-services.ts";
import { readProblem, summary } from "../support/problems.ts";

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function start(world: TestWorld, headers: Record<string, string> = {}) {
  const reply = await world.post("/v1/solve", { query: "q", background: true }, headers);
  return RunObject.parse(await reply.json());
}

describe("a key", () => {
  test("is needed, and 401 says how to send it", async () => {
    const world = createWorld({ keyed: true });
    for (const path of ["/v1/runs", "/v1/info", "/v1/tools", "/readyz", "/v1/runs/x", "/v1/sessions/x"]) {
      const reply = await world.get(path);
      expect(reply.headers.get("www-authenticate")).toMatch(/^Bearer/);
      expect(await summary(reply)).toBe("401 missing_key");
    }
    expect(await summary(await world.post("/v1/solve", { nonsense: 1 }))).toBe("401 missing_key");
    expect((await world.get("/healthz")).status).toBe(200);
  });

  test("is taken from either header", async () => {
    const world = createWorld({ keyed: true });
    const key = await world.addKey("acme", "solve");
    for (const headers of [bearer(key), { "x-api-key": key }, { authorization: `bearer  ${key}` }]) {
      expect((await world.get("/v1/info", headers)).status).toBe(200);
    }
  });

  test.each([
    ["unknown", "afk_0000000000000000_00000000000000000000000000000000"],
    ["no key", "sk-123"],
    ["empty", ""],
  ])("that is %s is 401", async (_what, key) => {
    const world = createWorld({ keyed: true });
    await world.addKey("acme", "solve");
    expect((await readProblem(await world.get("/v1/runs", bearer(key)))).status).toBe(401);
  });

  test("with a wrong secret, or revoked, is 401", async () => {
    const world = createWorld({ keyed: true });
    const key = await world.addKey("acme", "solve");
    const forged = `${key.slice(0, -1)}0`;
    expect(await summary(await world.get("/v1/runs", bearer(forged)))).toBe("401 invalid_key");
    const revoked = await world.addKey("acme", "solve", { revoked: true });
    expect(await summary(await world.get("/v1/runs", bearer(revoked)))).toBe("401 invalid_key");
  });

  test("without the scope is 403, before the body is looked at", async () => {
    const world = createWorld({ keyed: true });
    const datasets = bearer(await world.addKey("acme", "datasets,admin"));
    const reply = await world.post("/v1/solve", "not even an object", datasets);
    const problem = await readProblem(reply);
    expect([problem.status, problem.code]).toEqual([403, "missing_scope"]);
    expect(problem.detail).toContain("solve");
  });

  test("needs `datasets` for records and for full events", async () => {
    const world = createWorld({ keyed: true, autoAnswer: "a" });
    const solve = bearer(await world.addKey("acme", "solve"));
    const both = bearer(await world.addKey("acme", "solve,datasets"));
    const run = await start(world, solve);
    for (const path of [`/v1/runs/${run.id}/record`, `/v1/runs/${run.id}/events?detail=full`]) {
      expect(await summary(await world.get(path, solve))).toBe("403 missing_scope");
      expect((await world.get(path, both)).status).toBe(200);
    }
    expect(onlySession(world).calls.at(-1)).toBe("streamEvents full");
  });

  test("of another tenant finds nothing", async () => {
    const world = createWorld({ keyed: true });
    const run = await start(world, bearer(await world.addKey("acme", "solve,datasets")));
    const other = bearer(await world.addKey("rival", "solve,datasets"));
    for (const path of [`/v1/runs/${run.id}`, `/v1/runs/${run.id}/events`, `/v1/runs/${run.id}/record`]) {
      expect(await summary(await world.get(path, other))).toBe("404 not_found");
    }
    const send = (method: string, path: string) =>
      world.app.request(`http://localhost:8787${path}`, { method, headers: other });
    for (const [method, path] of [
      ["POST", `/v1/runs/${run.id}/cancel`],
      ["POST", `/v1/runs/${run.id}/ticket`],
      ["GET", `/v1/sessions/${run.session_id}`],
      ["DELETE", `/v1/sessions/${run.session_id}`],
    ] as const) {
      expect(await summary(await send(method, path))).toBe("404 not_found");
    }
    const continued = { query: "q", session_id: run.session_id };
    expect(await summary(await world.post("/v1/solve", continued, other))).toBe("404 not_found");
  });

  test("that has used up its minute is 429, and says when to come back", async () => {
    const world = createWorld({ keyed: true });
    const key = bearer(await world.addKey("acme", "solve"));
    world.hasQuota = false;
    const reply = await world.get("/v1/runs", key);
    expect([reply.headers.get("retry-after"), reply.headers.get("x-should-retry")]).toEqual(["30", "true"]);
    expect(await summary(reply)).toBe("429 rate_limited");
  });
});

describe("wrong credentials", () => {
  const wrong = { authorization: `Bearer afk_${"0".repeat(16)}_${"0".repeat(32)}` };
  const from = (address: string) => ({ "cf-connecting-ip": address });

  test("of an address that sends too many are 429, and right ones from there still work", async () => {
    const world = createWorld({ keyed: true });
    const key = bearer(await world.addKey("acme", "solve"));
    world.usedUp.add("wrong keys from 192.0.2.1");
    const reply = await world.get("/v1/runs", { ...wrong, ...from("192.0.2.1") });
    expect(reply.headers.get("retry-after")).toBe("30");
    expect(await summary(reply)).toBe("429 rate_limited");
    const ticket = await world.get("/v1/runs/run_x/events?ticket=x", from("192.0.2.1"));
    expect(await summary(ticket)).toBe("429 rate_limited");
    expect((await world.get("/v1/runs", { ...key, ...from("192.0.2.1") })).status).toBe(200);
    expect(await summary(await world.get("/v1/runs", { ...wrong, ...from("192.0.2.2") }))).toBe("401 invalid_key");
  });
});

describe("a ticket", () => {
  async function withTicket() {
    const world = createWorld({ keyed: true, autoAnswer: "a" });
    const key = bearer(await world.addKey("acme", "solve"));
    const run = await start(world, key);
    const reply = await world.app.request(`http://localhost:8787/v1/runs/${run.id}/ticket`, {
      method: "POST",
      headers: key,
    });
    const ticket = TicketReply.parse(await reply.json());
    return { world, run, key, ...ticket };
  }

  test("opens this run's events for five minutes", async () => {
    const { world, events_url, expires_at } = await withTicket();
    expect(expires_at).toBe("2026-11-22T10:05:00.000Z");
    expect((await world.get(events_url)).status).toBe(200);
    await world.clock.advance(299_999);
    expect((await world.get(events_url)).status).toBe(200);
    await world.clock.advance(1);
    expect(await summary(await world.get(events_url))).toBe("401 invalid_ticket");
  });

  test("opens nothing else: no other run, no full detail, no other route", async () => {
    const { world, run, ticket, key } = await withTicket();
    const other = await start(world, key);
    expect(await summary(await world.get(`/v1/runs/${other.id}/events?ticket=${ticket}`))).toBe("401 invalid_ticket");
    const full = `/v1/runs/${run.id}/events?detail=full&ticket=${ticket}`;
    expect(await summary(await world.get(full))).toBe("403 missing_scope");
    expect(await summary(await world.get(`/v1/runs/${run.id}?ticket=${ticket}`))).toBe("401 missing_key");
  });

  test("is checked without keys as well, where none is needed", async () => {
    const world = createWorld({ autoAnswer: "a" });
    const run = await start(world);
    const other = await start(world);
    const reply = await world.app.request(`http://localhost:8787/v1/runs/${run.id}/ticket`, { method: "POST" });
    const { ticket, events_url } = TicketReply.parse(await reply.json());
    expect((await world.get(events_url)).status).toBe(200);
    expect((await world.get(`/v1/runs/${run.id}/events?detail=full`)).status).toBe(200);
    expect(await summary(await world.get(`${events_url}&detail=full`))).toBe("403 missing_scope");
    expect(await summary(await world.get(`/v1/runs/${run.id}/events?ticket=x`))).toBe("401 invalid_ticket");
    expect(await summary(await world.get(`/v1/runs/${other.id}/events?ticket=${ticket}`))).toBe("401 invalid_ticket");
    world.hasQuota = false;
    expect((await world.get(events_url)).status).toBe(200);
  });

  test("cannot be forged", async () => {
    const { world, run, ticket } = await withTicket();
    const [claims = "", signature = ""] = ticket.split(".");
    const rival = btoa(JSON.stringify({ tenant: "rival", run_id: run.id, expires_at: 9e15 })).replaceAll("=", "");
    for (const forged of [
      `${rival}.${signature}`,
      claims,
      `${claims}.`,
      "..",
      "%F0%9F",
      `${claims}.${claims}`,
      "a.b.c",
    ]) {
      const reply = await world.get(`/v1/runs/${run.id}/events?ticket=${forged}`);
      expect(await summary(reply)).toBe("401 invalid_ticket");
    }
  });
});

describe("without keys", () => {
  const request = (path: string, headers: Record<string, string>, host = "localhost:8787") =>
    createWorld().app.request(`http://${host}${path}`, { headers });

  test.each(["localhost:8787", "127.0.0.1:1", "127.9.9.9", "[::1]:8787"])("%s is served", async (host) => {
    expect((await request("/v1/info", { host }, host)).status).toBe(200);
  });

  test.each(["evil.example", "localhost.evil.example", "10.0.0.1", "128.0.0.1", "0.0.0.0", "[::2]"])(
    "%s is 421, on every path",
    async (host) => {
      for (const path of ["/v1/info", "/healthz", "/", "/nothing"]) {
        expect(await summary(await request(path, {}, host))).toBe("421 wrong_host");
      }
    },
  );

  test("the Host header counts, not only the address", async () => {
    expect(await summary(await request("/v1/info", { host: "evil.example" }))).toBe("421 wrong_host");
    expect(await summary(await request("/v1/info", { host: "a b" }))).toBe("421 wrong_host");
  });

  test.each(["https://evil.example", "null", "http://localhost:9999", "http://127.0.0.1:8787", "garbage"])(
    "the origin %s is 403",
    async (origin) => {
      expect(await summary(await request("/v1/info", { origin }))).toBe("403 foreign_origin");
    },
  );

  test("the server's own pages may call, and there is no CORS", async () => {
    const reply = await request("/v1/info", { origin: "http://localhost:8787" });
    expect([reply.status, reply.headers.get("access-control-allow-origin")]).toEqual([200, null]);
  });

  test("there is no rate limit", async () => {
    const world = createWorld();
    world.hasQuota = false;
    expect((await world.get("/v1/info")).status).toBe(200);
  });
});

describe("CORS", () => {
  const world = createWorld({ keyed: true, corsOrigins: ["https://app.example"] });
  const preflight = (origin: string, path = "/v1/solve") =>
    world.app.request(`http://api.example${path}`, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization" },
    });

  test("answers the preflight of an origin that the operator named", async () => {
    const reply = await preflight("https://app.example");
    expect(reply.status).toBe(204);
    expect(reply.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(reply.headers.get("access-control-allow-methods")).toContain("POST");
    expect(reply.headers.get("access-control-allow-headers")).toContain("Idempotency-Key");
    expect(reply.headers.get("vary")).toContain("Origin");
  });

  test("gives other origins nothing", async () => {
    for (const origin of ["https://evil.example", "https://app.example.evil", "null"]) {
      expect((await preflight(origin)).headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  test("lets the page read errors and the headers it needs", async () => {
    const reply = await world.get("/v1/runs", { origin: "https://app.example" });
    expect(reply.status).toBe(401);
    expect(reply.headers.get("access-control-allow-origin")).toBe("https://app.example");
    const exposed = reply.headers.get("access-control-expose-headers");
    for (const name of ["Location", "X-Request-Id", "X-Run-Id", "Retry-After"]) {
      expect(exposed).toContain(name);
    }
    expect(reply.headers.get("access-control-allow-credentials")).toBeNull();
  });
});

describe("every reply", () => {
  test("has a request id: the caller's if it is harmless, else a new one", async () => {
    const world = createWorld();
    expect((await world.get("/healthz", { "x-request-id": "trace-1.a:b" })).headers.get("x-request-id")).toBe(
      "trace-1.a:b",
    );
    const ids = new Set<string | null>();
    for (const bad of ["a b", "x".repeat(129), '"<script>"']) {
      const id = (await world.get("/healthz", { "x-request-id": bad })).headers.get("x-request-id");
      expect(z.string().parse(id)).toMatch(/^req_[0-9a-z]{26}$/);
      ids.add(id);
    }
    expect(ids.size).toBe(3);
  });

  test("forbids guessing, keeping and framing", async () => {
    const world = createWorld();
    for (const path of ["/healthz", "/nothing", "/v1/runs", "/openapi.json"]) {
      const { headers } = await world.get(path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    }
  });
});
