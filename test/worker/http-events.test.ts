import { describe, expect, test } from "vitest";
import * as z from "zod";
import { RunObject } from "../../src/agent/run-object.ts";
import { StoreFault } from "../../src/store/store-fault.ts";
import { createWorld, onlySession, type TestWorld } from "../support/http-services.ts";
import { readProblem, summary } from "../support/problems.ts";
import { parseEvents, readAll, readChunk } from "../support/sse-reader.ts";

const json = { accept: "application/json" };
const Page = z.strictObject({
  data: z.array(z.looseObject({ seq: z.int(), type: z.string() })),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});

/** A world with one run whose first event is in the log. */
async function startRun() {
  const world = createWorld();
  const reply = await world.post("/v1/solve", { query: "q", background: true });
  const { id, session_id } = RunObject.parse(await reply.json());
  const run = onlySession(world).runs.get(id);
  if (run === undefined) {
    throw new Error("no run was started");
  }
  const events = (query = "", headers: Record<string, string> = {}) =>
    world.get(`/v1/runs/${id}/events${query}`, headers);
  return { world, id, session_id, run, events };
}

function startedEvent(id: string, seq: number) {
  return { type: "run.started", queued_ms: 0, seq, run_id: id, turn: null, at: "2026-11-22T10:00:00.000Z" } as const;
}

const idsOf = async (reply: Response) => (await readAll(reply.body)).events.map(({ id }) => id);

test.each([
  ["events", 2, "starting_after=2", {}],
  ["events", 2, "starting_after=2", json],
  ["record", null, "cannot read", {}],
] as const)("a log that cannot be read is 409, and says how to read on: %s %s", async (path, seq, words, headers) => {
  const { world, id } = await startRun();
  const unreadable = async () => ({ kind: "unreadable", seq }) as const;
  Object.assign(onlySession(world), { readEvents: unreadable, streamEvents: unreadable, getRecord: unreadable });
  const reply = await world.get(`/v1/runs/${id}/${path}`, headers);
  expect(reply.headers.get("x-should-retry")).toBe("false");
  expect(await readProblem(reply)).toMatchObject({
    status: 409,
    code: "log_unreadable",
    detail: expect.stringContaining(words),
  });
});

describe("the stream of a run's events", () => {
  test("goes from the log to what is live, to the terminal event", async () => {
    const { run, id, events } = await startRun();
    const reply = await events();
    expect(reply.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(reply.headers.get("cache-control")).toBe("no-store, no-transform");
    expect(reply.headers.get("x-accel-buffering")).toBe("no");
    expect(reply.headers.get("x-run-id")).toBe(id);
    run.append(startedEvent(id, 2));
    run.complete("42");
    const { events: seen } = await readAll(reply.body);
    expect(seen).toMatchObject([
      { id: "1", event: "run.created", data: { seq: 1, run_id: id, turn: null, type: "run.created" } },
      { id: "2", event: "run.started", data: { seq: 2 } },
      { id: "3", event: "run.completed", data: { seq: 3, answer: "42" } },
    ]);
  });

  test.each([
    ["?starting_after=1", {}, ["2", "3"]],
    ["", { "last-event-id": "2" }, ["3"]],
    ["?starting_after=1", { "last-event-id": "2" }, ["3"]],
    ["?starting_after=2", { "last-event-id": "1" }, ["3"]],
    ["", { "last-event-id": "" }, ["1", "2", "3"]],
  ])("resumes after the larger of both cursors: %s %j", async (query, headers: Record<string, string>, expected) => {
    const { run, id, events } = await startRun();
    run.append(startedEvent(id, 2));
    run.complete("42");
    expect(await idsOf(await events(query, headers))).toEqual(expected);
  });

  test("is 204 for a reader who has it all, so that EventSource stops", async () => {
    const { run, events } = await startRun();
    run.complete("42");
    for (const query of ["?starting_after=2", "?starting_after=99"]) {
      const reply = await events(query);
      expect([reply.status, await reply.text()]).toEqual([204, ""]);
    }
  });

  test("serves several viewers, and the leaving of one changes nothing for the others", async () => {
    const { run, events } = await startRun();
    const [first, second] = [await events(), await events()];
    await first.body?.cancel();
    run.complete("42");
    expect(await idsOf(second)).toEqual(["1", "2"]);
  });

  test("tells a late joiner the text so far", async () => {
    const { run, events } = await startRun();
    run.delta("The answer ");
    const reader = (await events()).body?.getReader();
    if (reader === undefined) {
      throw new Error("no body");
    }
    const seen = parseEvents(`${await readChunk(reader)}${await readChunk(reader)}`).events;
    expect(seen).toMatchObject([
      { event: "run.created" },
      { id: null, event: "snapshot", data: { text: "The answer " } },
    ]);
    expect(seen[1]?.data).not.toHaveProperty("seq");
    await reader.cancel();
  });

  test("refuses a cursor that is none", async () => {
    const { events } = await startRun();
    expect((await readProblem(await events("", { "last-event-id": "abc" }))).errors).toMatchObject([
      { field: "Last-Event-ID" },
    ]);
    expect((await readProblem(await events("?starting_after=-1"))).errors).toMatchObject([{ field: "starting_after" }]);
  });

  test("sends only its headers to HEAD, and holds nothing open", async () => {
    const { world, id } = await startRun();
    const reply = await world.app.request(`http://localhost:8787/v1/runs/${id}/events`, { method: "HEAD" });
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    expect(await reply.text()).toBe("");
  });
});

describe("a page of a run's events", () => {
  const pageOf = async (reply: Response) => Page.parse(await reply.json());

  test("comes when only JSON is accepted, and pages through the same log", async () => {
    const { run, id, events } = await startRun();
    run.append(startedEvent(id, 2));
    run.complete("42");
    const first = await pageOf(await events("?limit=2", json));
    expect(first).toMatchObject({ data: [{ seq: 1 }, { seq: 2 }], has_more: true, next_cursor: "2" });
    const second = await pageOf(await events(`?starting_after=${first.next_cursor}`, json));
    expect(second).toMatchObject({ data: [{ seq: 3, type: "run.completed" }], has_more: false, next_cursor: null });
  });

  test.each([
    ["", "stream"],
    ["*/*", "stream"],
    ["text/html", "stream"],
    ["application/json, text/event-stream", "stream"],
    ["application/json;q=0.5, text/event-stream", "stream"],
    ["application/json, text/plain, */*", "page"],
    ["application/json, text/event-stream;q=0.5", "page"],
    ["text/event-stream;q=0, application/json", "page"],
    ["text/event-stream;q=0, */*", "page"],
  ])("comes by the weights of Accept: `%s` is a %s", async (accept, expected) => {
    const { run, events } = await startRun();
    run.complete("42");
    const reply = await events("", accept === "" ? {} : { accept });
    expect(reply.headers.get("content-type")).toContain(expected === "page" ? "application/json" : "event-stream");
  });

  test("of a run that goes on keeps the reader's place", async () => {
    const { events } = await startRun();
    expect(await pageOf(await events("?starting_after=1", json))).toEqual({
      data: [],
      has_more: false,
      next_cursor: "1",
    });
  });

  test("asks the object for full detail only when that was asked for", async () => {
    const { world, events } = await startRun();
    await events("", json);
    await events("?detail=full", json);
    expect(onlySession(world).calls.slice(-2)).toEqual(["readEvents public", "readEvents full"]);
  });
});

describe("a run", () => {
  test("can be cancelled, again and again, with 200 each time", async () => {
    const { world, id } = await startRun();
    for (let times = 0; times < 2; times++) {
      const reply = await world.app.request(`http://localhost:8787/v1/runs/${id}/cancel`, { method: "POST" });
      expect([reply.status, RunObject.parse(await reply.json()).status]).toEqual([200, "cancelled"]);
    }
  });

  test("that has ended stays as it ended when it is cancelled", async () => {
    const { world, run, id } = await startRun();
    run.complete("42");
    const reply = await world.app.request(`http://localhost:8787/v1/runs/${id}/cancel`, { method: "POST" });
    expect(RunObject.parse(await reply.json())).toMatchObject({ status: "completed", answer: "42" });
  });

  test("has a record, as the object projects it", async () => {
    const { world, id } = await startRun();
    expect(await (await world.get(`/v1/runs/${id}/record`)).json()).toEqual({ rollout_id: id });
  });

  test("that has not ended has no record yet: 409, to be tried again", async () => {
    const { world, id } = await startRun();
    onlySession(world).getRecord = () => Promise.resolve({ kind: "found", value: { rollout_id: id, ended_at: null } });
    const reply = await world.get(`/v1/runs/${id}/record`);
    expect([reply.headers.get("retry-after"), reply.headers.get("x-should-retry")]).toEqual(["2", "true"]);
    expect(await summary(reply)).toBe("409 run_not_ended");
  });

  test.each(["cancel", "ticket"])("takes no body for %s but an empty one", async (action) => {
    const { world, id } = await startRun();
    const post = (body: string, type: string) =>
      world.app.request(`http://localhost:8787/v1/runs/${id}/${action}`, {
        method: "POST",
        headers: { "content-type": type },
        body,
      });
    expect((await post("", "application/x-www-form-urlencoded")).status).toBe(200);
    expect((await post("{}", "application/json")).status).toBe(200);
    expect(await summary(await post('{"force":true}', "application/json"))).toBe("422 invalid_request");
    expect(await summary(await post("[]", "application/json"))).toBe("422 invalid_request");
    expect(await summary(await post("{", "application/json"))).toBe("400 invalid_json");
    expect(await summary(await post("{}", "text/plain"))).toBe("415 unsupported_media_type");
  });
});

describe("a session", () => {
  const erase = (world: TestWorld, id: string) =>
    world.app.request(`http://localhost:8787/v1/sessions/${id}`, { method: "DELETE" });

  test("shows its runs", async () => {
    const { world, id, session_id } = await startRun();
    expect(await (await world.get(`/v1/sessions/${session_id}`)).json()).toMatchObject({
      id: session_id,
      runs: [{ id, status: "running", query: "q", answer: null, ended_at: null }],
    });
  });

  test("shows them page by page, and takes no cursor of another session", async () => {
    const { world, id, session_id } = await startRun();
    const second = await world.post("/v1/solve", { query: "q", session_id, background: true });
    const next: { id: string } = await second.json();
    const first = await (await world.get(`/v1/sessions/${session_id}?limit=1`)).json();
    expect(first).toMatchObject({ runs: [{ id }], has_more: true, next_cursor: id });
    const last = await (await world.get(`/v1/sessions/${session_id}?limit=1&cursor=${id}`)).json();
    expect(last).toMatchObject({ runs: [{ id: next.id }], has_more: false, next_cursor: null });
    for (const cursor of ["nonsense", "run_00000000000000000000000000_0001"]) {
      const reply = await world.get(`/v1/sessions/${session_id}?cursor=${cursor}`);
      expect(await readProblem(reply)).toMatchObject({ status: 422, errors: [{ field: "cursor" }] });
    }
  });

  test("is not erased while it cannot be said which datasets hold it", async () => {
    const { world, session_id } = await startRun();
    const down = () => Promise.reject(new StoreFault("ledger_unavailable", "down"));
    Object.assign(world.services.ledger, { datasetsOf: down });
    expect(await summary(await erase(world, session_id))).toBe("503 ledger_unavailable");
    expect((await world.get(`/v1/sessions/${session_id}`)).status).toBe(200);
  });

  test("is erased once, its datasets are named, and everything of it is 410 from then on", async () => {
    const { world, id, session_id } = await startRun();
    Object.assign(world.services.ledger, { datasetsOf: () => Promise.resolve(["ds_1"]) });
    const reply = await erase(world, session_id);
    expect(reply.status).toBe(200);
    expect(await reply.json()).toEqual({ id: session_id, erased: true, run_ids: [id], datasets: ["ds_1"] });
    expect(await summary(await erase(world, session_id))).toBe("410 erased");
    for (const path of [
      `/v1/sessions/${session_id}`,
      `/v1/runs/${id}`,
      `/v1/runs/${id}/events`,
      `/v1/runs/${id}/record`,
    ]) {
      expect(await summary(await world.get(path))).toBe("410 erased");
    }
    expect(await summary(await world.get(`/v1/runs/${id}/events`, json))).toBe("410 erased");
  });
});
