import { describe, expect, test } from "vitest";
import { RunObject } from "../../src/agent/run-object.ts";
import { createWorld, onlySession, type TestWorld } from "../support/http-services.ts";
import { readProblem, summary } from "../support/problems.ts";
import { readAll } from "../support/sse-reader.ts";

const sse = { accept: "text/event-stream" };

const runOf = async (reply: Response) => RunObject.parse(await reply.json());

/** Lets everything that is ready happen. */
async function settle() {
  await new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}

function onlyRun(world: TestWorld) {
  const [run] = onlySession(world).runs.values();
  if (run === undefined) {
    throw new Error("no run was started");
  }
  return run;
}

describe("a caller who waits", () => {
  test("gets the ended run, and where it is", async () => {
    const world = createWorld({ autoAnswer: "42" });
    const reply = await world.post("/v1/solve", { query: "6*7?" });
    const run = await runOf(reply);
    expect(reply.status).toBe(200);
    expect(run).toMatchObject({ status: "completed", answer: "42", query: "6*7?" });
    expect(reply.headers.get("location")).toBe(`/v1/runs/${run.id}`);
    expect(reply.headers.get("content-location")).toBe(`/v1/runs/${run.id}`);
    expect(reply.headers.get("x-run-id")).toBe(run.id);
    expect(reply.headers.get("cache-control")).toBe("no-store");
  });

  test("is kept alive with line breaks after 15 s, and gets the run when it ends", async () => {
    const world = createWorld();
    const pending = world.post("/v1/solve", { query: "long" });
    await settle();
    await world.clock.advance(15_000);
    const reply = await pending;
    expect(reply.status).toBe(200);
    expect(reply.headers.get("x-run-id")).toBe(onlyRun(world).run.id);
    const text = reply.text();
    await settle();
    await world.clock.advance(15_000);
    await world.clock.advance(15_000);
    onlyRun(world).complete("late");
    expect(await text).toMatch(/^\n\n\{/);
    expect(RunObject.parse(JSON.parse(await text)).answer).toBe("late");
  });

  test("is attached again when the object is reset, and when attaching fails", async () => {
    const world = createWorld();
    const pending = world.post("/v1/solve", { query: "reset me" });
    await settle();
    const session = onlySession(world);
    session.faults.push(new Error("Network connection lost."), new Error("Network connection lost."));
    onlyRun(world).breakWaits(new Error("Durable Object reset because its code was updated."));
    for (const pauseMs of [250, 500, 1000]) {
      await settle();
      await world.clock.advance(pauseMs);
    }
    onlyRun(world).complete("still here");
    const reply = await pending;
    expect(reply.status).toBe(200);
    expect((await runOf(reply)).answer).toBe("still here");
    expect(session.calls).toEqual(["startRun", "waitForEnd", "waitForEnd", "waitForEnd", "waitForEnd"]);
  });

  test("gets 202 with the run's place when the object stays away, never an error", async () => {
    const world = createWorld();
    const pending = world.post("/v1/solve", { query: "gone for long" });
    await settle();
    const session = onlySession(world);
    session.faults.push(...Array.from({ length: 5 }, () => new Error("Network connection lost.")));
    onlyRun(world).breakWaits(new Error("Network connection lost."));
    for (const pauseMs of [250, 500, 1000, 2000, 4000]) {
      await settle();
      await world.clock.advance(pauseMs);
    }
    const reply = await pending;
    expect([reply.status, reply.headers.get("retry-after")]).toEqual([202, "5"]);
    expect(reply.headers.get("location")).toBe(`/v1/runs/${onlyRun(world).run.id}`);
    expect((await runOf(reply)).status).toBe("running");
  });

  test("is told inside the reply when it had begun already", async () => {
    const world = createWorld();
    const pending = world.post("/v1/solve", { query: "erased meanwhile" });
    await settle();
    await world.clock.advance(15_000);
    const text = (await pending).text();
    onlySession(world).isGone = true;
    onlyRun(world).breakWaits(new Error("Network connection lost."));
    await settle();
    await world.clock.advance(250);
    expect(JSON.parse(await text)).toMatchObject({ status: 410, code: "erased" });
  });

  test("is told of a failed run with 200", async () => {
    const world = createWorld({ autoAnswer: "x" });
    const { id, session_id } = await runOf(await world.post("/v1/solve", { query: "q" }));
    const run = await runOf(await world.get(`/v1/runs/${id}`));
    const failed: RunObject = { ...run, status: "failed", answer: null, error: { code: "server_error", detail: "no" } };
    onlySession(world).nextStart = { kind: "started", run: failed };
    const reply = await world.post("/v1/solve", { query: "q", session_id });
    expect(reply.status).toBe(200);
    expect(await runOf(reply)).toMatchObject({ status: "failed", error: { code: "server_error" } });
  });
});

describe("a caller who does not wait", () => {
  test.each([
    ["the body", { query: "q", background: true }, {}, null],
    ["Prefer", { query: "q" }, { prefer: "wait=5, respond-async" }, "respond-async"],
  ])("is answered 202 at once, asked for by %s", async (_how, body, headers: Record<string, string>, applied) => {
    const world = createWorld();
    const reply = await world.post("/v1/solve", body, headers);
    const run = await runOf(reply);
    expect(reply.status).toBe(202);
    expect(run.status).toBe("running");
    expect(reply.headers.get("location")).toBe(`/v1/runs/${run.id}`);
    expect(reply.headers.get("preference-applied")).toBe(applied);
  });

  test.each([
    ["the body", { query: "q", stream: true }, {}],
    ["Accept", { query: "q" }, sse],
    ["the body, whatever Prefer says", { query: "q", stream: true }, { prefer: "respond-async" }],
  ])("reads the events from the first on, asked for by %s", async (_how, body, headers: Record<string, string>) => {
    const world = createWorld();
    const reply = await world.post("/v1/solve", body, headers);
    expect(reply.status).toBe(200);
    expect(reply.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(reply.headers.get("x-accel-buffering")).toBe("no");
    expect(reply.headers.get("x-run-id")).toBe(onlyRun(world).run.id);
    onlyRun(world).complete("42");
    const { events } = await readAll(reply.body);
    expect(events.map(({ id, event }) => [id, event])).toEqual([
      ["1", "run.created"],
      ["2", "run.completed"],
    ]);
  });

  test.each([
    ["text/event-stream, application/json", "stream"],
    ["text/event-stream, */*", "stream"],
    ["application/json;q=0.5, text/event-stream;q=0.9", "stream"],
    ["text/event-stream;q=0, application/json", "wait"],
    ["text/event-stream;q=0", "wait"],
    ["application/json, text/event-stream;q=0.1", "wait"],
    ["*/*", "wait"],
    ["text/*", "wait"],
    ["x-text/event-stream-2", "wait"],
  ])("is understood by the weights of Accept: %s is to %s", async (accept, expected) => {
    const reply = await createWorld({ autoAnswer: "a" }).post("/v1/solve", { query: "q" }, { accept });
    expect(reply.headers.get("content-type")).toContain(expected === "stream" ? "event-stream" : "application/json");
  });

  test("has the last word in the body: `stream: false` waits, whatever Accept says", async () => {
    const reply = await createWorld({ autoAnswer: "a" }).post("/v1/solve", { query: "q", stream: false }, sse);
    expect(reply.headers.get("content-type")).toBe("application/json");
  });

  test("cannot have both ways", async () => {
    const reply = await createWorld().post("/v1/solve", { query: "q", stream: true, background: true });
    expect((await readProblem(reply)).errors).toMatchObject([{ field: "background" }]);
  });
});

describe("what a run is asked to do", () => {
  test("is filled in with the defaults", async () => {
    const world = createWorld();
    await world.post("/v1/solve", { query: "q", limits: { max_turns: 3 }, background: true });
    const created = onlyRun(world).events[0];
    expect(created).toMatchObject({
      outputs: ["direct"],
      limits: { max_turns: 3, max_seconds: 300, max_tokens: 200_000 },
      tools: ["base_generator", "python_coder"],
      sampling: { temperature: 0 },
      policy: { version: "offline-0", step: 0 },
      planner_structure: "guided",
      metadata: {},
    });
  });

  test("names tools as people do, in the catalogue's order", async () => {
    const world = createWorld();
    const tools = ["Python Coder", "base-generator", "PYTHONCODER"];
    await world.post("/v1/solve", { query: "q", tools, background: true });
    expect(onlyRun(world).run.tools).toEqual(["base_generator", "python_coder"]);
  });

  test("may be continued in a session", async () => {
    const world = createWorld({ autoAnswer: "a" });
    const first = await runOf(await world.post("/v1/solve", { query: "q" }));
    const second = await runOf(await world.post("/v1/solve", { query: "r", session_id: first.session_id }));
    expect(second.session_id).toBe(first.session_id);
    expect(second.id).not.toBe(first.id);
  });

  test("keeps half a character from reaching the stores", async () => {
    const world = createWorld({ autoAnswer: "a" });
    expect(await summary(await world.post("/v1/solve", { query: "a\ud800" }))).toBe("422 invalid_request");
    expect(world.sessions.size).toBe(0);
  });
});

describe("an Idempotency-Key", () => {
  const key = { "idempotency-key": "order 66" };

  test("leads a retry to the same run, however it wants to be answered", async () => {
    const world = createWorld({ autoAnswer: "42" });
    const first = await world.post("/v1/solve", { query: "q", limits: { max_turns: 3 } }, key);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    const run = await runOf(first);

    const second = await world.post("/v1/solve", { limits: { max_turns: 3 }, query: "q" }, key);
    expect([second.status, second.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
    expect(await runOf(second)).toEqual(run);

    const streamed = await world.post("/v1/solve", { query: "q", limits: { max_turns: 3 }, stream: true }, key);
    expect(streamed.headers.get("idempotency-replayed")).toBe("true");
    expect((await readAll(streamed.body)).events).toHaveLength(2);
    const background = { query: "q", limits: { max_turns: 3 }, background: true };
    expect((await world.post("/v1/solve", background, key)).status).toBe(202);
    expect(onlySession(world).runs.size).toBe(1);
  });

  test("refuses another body", async () => {
    const world = createWorld({ autoAnswer: "42" });
    await world.post("/v1/solve", { query: "q" }, key);
    expect(await summary(await world.post("/v1/solve", { query: "other" }, key))).toBe("422 idempotency_key_reused");
  });

  test("belongs to its tenant", async () => {
    const world = createWorld({ keyed: true, autoAnswer: "42" });
    for (const tenant of ["a", "b"]) {
      const bearer = { authorization: `Bearer ${await world.addKey(tenant, "solve")}` };
      const reply = await world.post("/v1/solve", { query: tenant }, { ...key, ...bearer });
      expect([reply.status, reply.headers.get("idempotency-replayed")]).toEqual([200, null]);
    }
    expect(world.sessions.size).toBe(2);
  });

  test("makes the start safe to try again when the object is reset", async () => {
    const world = createWorld({ autoAnswer: "42" });
    world.clock.rush = true;
    await world.post("/v1/solve", { query: "q" }, key);
    onlySession(world).faults.push(new Error("Durable Object reset because its code was updated."));
    expect((await world.post("/v1/solve", { query: "q" }, key)).status).toBe(200);
  });

  test.each([["é"], ["x".repeat(256)], ["\t"], [""]])(
    "must be printable ASCII of 1 to 255 characters: %j",
    async (value) => {
      const reply = await createWorld().post("/v1/solve", { query: "q" }, { "idempotency-key": value });
      expect(await summary(reply)).toBe("400 invalid_idempotency_key");
    },
  );
});

describe("a start that fails", () => {
  const started = { query: "q", session_id: "ses_00000000000000000000000000" };

  test.each([
    [{ kind: "queue_full", waiting: 8 } as const, "429 queue_full"],
    [{ kind: "unknown_session" } as const, "404 not_found"],
    [{ kind: "gone" } as const, "410 erased"],
  ])("says why: %j", async (outcome, expected) => {
    const world = createWorld();
    world.session("local", started.session_id).nextStart = outcome;
    expect(await summary(await world.post("/v1/solve", started))).toBe(expected);
  });

  test("is 410 when only the ledger remembers that the session was erased", async () => {
    const world = createWorld();
    world.erased.add(`local/${started.session_id}`);
    expect(await summary(await world.post("/v1/solve", started))).toBe("410 erased");
  });

  test("is not tried twice without a key: 503, to be retried by the caller", async () => {
    const world = createWorld();
    const session = world.session("local", started.session_id);
    session.faults.push(new Error("Network connection lost."));
    const reply = await world.post("/v1/solve", started);
    expect(await summary(reply)).toBe("503 session_unavailable");
    expect([reply.headers.get("retry-after"), reply.headers.get("x-should-retry")]).toEqual(["1", "true"]);
    expect(session.calls).toEqual(["startRun"]);
  });

  test("of a defect is 500 without a word of it", async () => {
    const world = createWorld();
    world.session("local", started.session_id).faults.push(new TypeError("secret of the house"));
    const reply = await world.post("/v1/solve", started);
    const problem = await readProblem(reply);
    expect(problem.code).toBe("internal");
    expect(JSON.stringify(problem)).not.toContain("secret");
    expect(world.logs).toMatchObject([
      { code: "internal", request_id: problem.request_id, cause: expect.any(TypeError) },
    ]);
  });
});
