// DESIGN section 5, access: without ALLOW_ANONYMOUS every request needs a key, made by `npm run keys:create` on the
// same state folder; keys have tenants and scopes, and a ticket opens the events of one run and nothing else.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { Problem } from "../../src/http/problem.ts";
import { TicketReply } from "../../src/http/wire.ts";
import { durable, openStream } from "../support/sse-client.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { type MockOpenAi, startMockOpenAi } from "../support/mock-openai.ts";
import { type Api, apiOf, problemOf, read } from "./support/api.ts";
import { createCaller, createKey } from "./support/keys.ts";
import { postBytes } from "./support/post-bytes.ts";

const state = temporaryDir();
const tools = ["base_generator"];
const scopes = "solve,tools,rollouts,datasets,admin";
let mock: MockOpenAi;
let server: Server;
let acme: Api;
let solver: Api;
let other: Api;

const asked: [method: string, path: string, body?: unknown][] = [
  ["POST", "/v1/solve", { query: "Who am I?" }],
  ["GET", "/v1/runs"],
  ["GET", "/v1/tools"],
  ["GET", "/v1/info"],
  ["GET", "/readyz"],
  ["GET", "/v1/runs/run_00000000000000000000000000_0001"],
  ["GET", "/v1/runs/run_00000000000000000000000000_0001/events"],
  ["DELETE", "/v1/sessions/ses_00000000000000000000000000"],
];

beforeAll(async () => {
  mock = await startMockOpenAi();
  const env = { ALLOW_ANONYMOUS: "0", INFERENCE_BASE_URL: mock.url, INFERENCE_MODEL: "mock-model" };
  // A key can be made before there is anything in the folder.
  const first = await createKey(state.path, "acme", scopes);
  server = await startServer({ stateDir: state.path, env });
  acme = apiOf(server.url, first);
  solver = await createCaller(server, "acme", "solve");
  other = await createCaller(server, "other", scopes);
});

afterAll(async () => {
  await server.kill9();
  await mock.close();
  state.remove();
});

describe("without a key", () => {
  test.each(asked.map(([method, path, body]) => ({ method, path, body })))("$method $path", async (one) => {
    const { method, path, body } = one;
    const reply = await apiOf(server.url).send(method, path, { body });
    expect(reply.headers.get("www-authenticate")).toMatch(/^Bearer/);
    expect(await problemOf(reply)).toEqual({ status: 401, code: "missing_key" });
  });

  test("a body of 2 MB is 401 every time, and never a broken connection", async () => {
    const post = () => postBytes(`${server.url}/v1/solve`, 2_000_000, "sized", "application/json");
    const replies = await Promise.all(Array.from({ length: 20 }, post));
    const seen = replies.map(({ status, text }) => `${status} ${Problem.parse(JSON.parse(text)).code}`);
    expect([...new Set(seen)]).toEqual(["401 missing_key"]);
  });

  test("the server says how to make one, and how to send it", () => {
    expect(server.output()).toContain(`STATE_DIR='${state.path}' npm run -s keys:create -- --tenant`);
    expect(server.output()).toContain(`curl ${server.url}/v1/solve -H "authorization: Bearer $KEY"`);
  });

  test("/healthz answers", async () => {
    expect((await apiOf(server.url).send("GET", "/healthz")).status).toBe(200);
  });

  test("a key that was never made is 401", async () => {
    const stranger = apiOf(server.url, "af_0123456789abcdef_0123456789abcdef0123456789abcdef");
    expect(await problemOf(await stranger.send("GET", "/v1/runs"))).toEqual({ status: 401, code: "invalid_key" });
  });
});

describe("with a key", () => {
  test("a run is solved, listed and read", async () => {
    const solved = await acme.solve({ query: "What is six times seven?", tools });
    expect(solved).toMatchObject({ status: "completed", answer: "The answer is 42." });
    expect((await acme.ledger()).map((row) => row.id)).toContain(solved.id);
    expect((await acme.record(solved.id)).status).toBe("completed");
  });

  test("a run that goes on has no record yet: 409, to be tried again", async () => {
    mock.on("analyzer", { fault: "hang" });
    const { id } = await acme.start({ query: "Take your time", tools });
    const reply = await acme.send("GET", `/v1/runs/${id}/record`);
    mock.on("analyzer", []);
    expect([reply.headers.get("retry-after"), reply.headers.get("x-should-retry")]).toEqual(["2", "true"]);
    expect(await problemOf(reply)).toEqual({ status: 409, code: "run_not_ended" });
    await acme.send("POST", `/v1/runs/${id}/cancel`);
    expect((await acme.record(id)).status).toBe("cancelled");
  });

  test("a scope that it lacks is 403, with the scope's name", async () => {
    const { id } = await solver.solve({ query: "Mine too", tools });
    for (const path of [`/v1/runs/${id}/record`, `/v1/runs/${id}/events?detail=full`]) {
      const reply = await solver.send("GET", path);
      const problem = z.looseObject({ detail: z.string() }).parse(await reply.clone().json());
      expect(await problemOf(reply)).toEqual({ status: 403, code: "missing_scope" });
      expect(problem.detail).toContain("datasets");
    }
    expect((await acme.record(id)).status).toBe("completed");
  });

  test("another tenant's ids are 404, and its runs are not listed", async () => {
    const mine = await acme.solve({ query: "Private", tools });
    const paths = ["", "/events", "/record"].map((part) => `/v1/runs/${mine.id}${part}`);
    for (const path of [...paths, `/v1/sessions/${mine.session_id}`]) {
      expect([path, await problemOf(await other.send("GET", path))]).toEqual([
        path,
        { status: 404, code: "not_found" },
      ]);
    }
    for (const [method, path, body] of [
      ["POST", `/v1/runs/${mine.id}/cancel`],
      ["POST", `/v1/runs/${mine.id}/ticket`],
      ["DELETE", `/v1/sessions/${mine.session_id}`],
      ["POST", "/v1/solve", { query: "Let me in", session_id: mine.session_id }],
    ] as const) {
      expect((await problemOf(await other.send(method, path, { body }))).status).toBe(404);
    }
    expect(await other.ledger()).toEqual([]);
    expect(await acme.run(mine.id)).toEqual(mine);
  });

  test("two tenants with one Idempotency-Key have two runs", async () => {
    const headers = { "idempotency-key": "shared by chance" };
    const body = { query: "Same key", tools };
    const [mine, theirs] = await Promise.all([acme.solve(body, headers), other.solve(body, headers)]);
    expect(mine.id).not.toBe(theirs.id);
  });
});

describe("a ticket", () => {
  async function ticketFor(id: string): Promise<TicketReply> {
    return read(TicketReply, await acme.send("POST", `/v1/runs/${id}/ticket`), 200);
  }

  test("opens the run's events without a key, as EventSource does, for five minutes", async () => {
    const { id } = await acme.solve({ query: "Watch me", tools });
    const { events_url, expires_at } = await ticketFor(id);
    const stream = await openStream(`${server.url}${events_url}`);
    expect(durable(await stream.rest())).toEqual(await acme.events(id));
    const lifetimeMs = Date.parse(expires_at) - Date.now();
    expect(lifetimeMs).toBeGreaterThan(0);
    expect(lifetimeMs).toBeLessThanOrEqual(300_000);
  });

  test("opens nothing else: not another run, not the run itself, not its details", async () => {
    const [first, second] = await Promise.all([
      acme.solve({ query: "First", tools }),
      acme.solve({ query: "Second", tools }),
    ]);
    const { ticket } = await ticketFor(first.id);
    const nobody = apiOf(server.url);
    const codeAt = async (path: string) => (await problemOf(await nobody.send("GET", path))).code;
    expect(await codeAt(`/v1/runs/${second.id}/events?ticket=${ticket}`)).toBe("invalid_ticket");
    expect(await codeAt(`/v1/runs/${first.id}?ticket=${ticket}`)).toBe("missing_key");
    expect(await codeAt(`/v1/runs/${first.id}/record?ticket=${ticket}`)).toBe("missing_key");
    expect(await codeAt(`/v1/runs/${first.id}/events?detail=full&ticket=${ticket}`)).toBe("missing_scope");
  });

  test("is worthless with a changed claim, so that nobody prolongs it or moves it to another run", async () => {
    const { id } = await acme.solve({ query: "Forge me", tools });
    const { ticket } = await ticketFor(id);
    const [claims = "", signature = ""] = ticket.split(".");
    const text = Buffer.from(claims, "base64url").toString("utf8");
    const { expires_at } = z.looseObject({ expires_at: z.number() }).parse(JSON.parse(text));
    const later = text.replace(String(expires_at), String(expires_at + 3_600_000));
    expect(later).not.toBe(text);
    for (const forged of [`${Buffer.from(later).toString("base64url")}.${signature}`, `${claims}.`, claims, ""]) {
      const reply = await apiOf(server.url).send("GET", `/v1/runs/${id}/events?ticket=${forged}`);
      expect([forged, (await problemOf(reply)).status]).toEqual([forged, 401]);
    }
  });
});
