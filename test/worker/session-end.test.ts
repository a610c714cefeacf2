// Cancelling and erasing, at every moment of a run: one terminal event and nothing after it; after an erasure,
// nothing anywhere but the tombstone.

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, type SessionUnderTest, until } from "../support/session-object.ts";
import { holdPuts, loseTable } from "../support/session-stores.ts";
import { readAll } from "../support/sse-reader.ts";

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

async function types(session: SessionUnderTest, ordinal = 1): Promise<string[]> {
  return (await session.log(session.runId(ordinal))).map((event) => event.type);
}

async function tombstone(session: SessionUnderTest): Promise<Record<string, unknown> | null> {
  return env.DB.prepare("SELECT tenant FROM session_tombstones WHERE session_id = ?").bind(session.id).first();
}

test("a run that waits is cancelled before its start and never calls a model", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const go = Promise.withResolvers<void>();
  model.play((call) => (call.index === 1 ? { text: "{}", pieces: 0, until: go.promise } : null));
  await session.start();
  const second = await session.start();
  const third = await session.start();
  await model.arrived(1);
  const reply = await session.api().cancelRun(second.id);
  expect(reply).toMatchObject({ kind: "found", value: { status: "cancelled", answer: null } });
  go.resolve();
  await session.ended(third.id);
  expect(await types(session, 2)).toEqual(["run.created", "run.cancelled"]);
  expect(new Set(model.calls.map((call) => call.run))).toEqual(new Set([session.runId(1), third.id]));
});

test("a cancel in mid-call aborts the call, ends the log and lets the next run start", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.index === 2 ? "hang" : null));
  const run = await session.start();
  const next = await session.start();
  const planning = await model.arrived(2);
  expect(planning.isAborted()).toBe(false);
  await session.api().cancelRun(run.id);
  expect(planning.isAborted()).toBe(true);
  expect((await session.ended(next.id)).status).toBe("completed");
  expect(await types(session)).toEqual([
    "run.created",
    "run.started",
    "analysis.completed",
    "turn.started",
    "run.cancelled",
  ]);
});

test("a reply that comes after the cancel is not appended", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const go = Promise.withResolvers<void>();
  model.play((call) => (call.index === 2 ? { text: "{}", pieces: 2, until: go.promise } : null));
  const run = await session.start();
  await model.arrived(2);
  await session.api().cancelRun(run.id);
  const before = await types(session);
  go.resolve();
  await until(async () => (await session.alarmAt()) === null);
  expect(await types(session)).toEqual(before);
});

test("a cancel during a tool call closes the call first", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "tool" ? "hang" : null));
  const run = await session.start();
  await model.arrived(4);
  await session.api().cancelRun(run.id);
  const log = await session.log(run.id);
  expect(log.slice(-3)).toMatchObject([
    { type: "tool.started", call_index: 0 },
    { type: "tool.failed", call_index: 0, tool: "base_generator", problem: { code: "cancelled" } },
    { type: "run.cancelled" },
  ]);
});

test("a second cancel, and one after the end, change nothing and answer with the run", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const done = await session.start();
  await session.ended(done.id);
  const before = await session.log(done.id);
  expect(await session.api().cancelRun(done.id)).toMatchObject({ value: { status: "completed" } });
  expect(await session.log(done.id)).toEqual(before);
  model.play(() => "hang");
  const run = await session.start();
  const replies = await Promise.all([session.api().cancelRun(run.id), session.api().cancelRun(run.id)]);
  expect(replies).toMatchObject([{ value: { status: "cancelled" } }, { value: { status: "cancelled" } }]);
  expect((await types(session, 2)).filter((type) => type === "run.cancelled")).toHaveLength(1);
});

test("whoever waits for the end learns of the cancel", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play(() => "hang");
  const run = await session.start();
  const waiting = session.ended(run.id);
  await model.arrived(1);
  await session.api().cancelRun(run.id);
  expect((await waiting).status).toBe("cancelled");
});

test("an erasure during a run ends it, its readers and its waiters, and leaves only the tombstone", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const first = await session.start({ reference: { answers: ["42"] } });
  await session.ended(first.id);
  await until(async () => (await env.BUCKET.head(`records/acme/${first.id}.json`)) !== null);
  model.play(() => "hang");
  const run = await session.start({ query: "secret" });
  const streamed = await session.api().streamEvents(run.id, 0, "public");
  const reading = readAll(streamed.kind === "stream" ? streamed.body : null);
  const waiting = session.api().waitForEnd(run.id);
  const call = await model.arrived(7);

  expect(await session.api().erase()).toEqual({ kind: "found", value: { run_ids: [first.id, run.id] } });
  expect(call.isAborted()).toBe(true);
  expect((await reading).events[0]?.event).toBe("run.created");
  expect(await waiting).toEqual({ kind: "gone" });
  await until(async () => (await session.alarmAt()) === null);

  for (const table of ["runs", "events", "outbox"]) {
    expect(await session.sql(`SELECT * FROM ${table}`)).toEqual([]);
  }
  expect((await session.sql("SELECT key FROM meta ORDER BY key")).map((row) => row["key"])).toEqual([
    "erased_at",
    "schema",
  ]);
  expect((await env.BUCKET.list({ prefix: `records/acme/${run.id.slice(0, -5)}` })).objects).toEqual([]);
  expect(await env.DB.prepare("SELECT * FROM runs WHERE session_id = ?").bind(session.id).first()).toBeNull();
  expect(await tombstone(session)).toEqual({ tenant: "acme" });
});

test("everything about an erased session is gone, after an eviction too", async () => {
  startSessionModel(1);
  const session = newSession();
  const run = await session.start();
  await session.api().erase();
  for (const life of ["same", "next"]) {
    const api = session.api();
    const answers = [
      await api.getRun(run.id),
      await api.waitForEnd(run.id),
      await api.readEvents(run.id, 0, 10, "public"),
      await api.streamEvents(run.id, 0, "public"),
      await api.cancelRun(run.id),
      await api.getRecord(run.id),
      await api.getSession(),
      await api.erase(),
      await session.tryStart(),
    ];
    expect({ life, answers }).toEqual({ life, answers: answers.map(() => ({ kind: "gone" })) });
    await until(async () => (await session.alarmAt()) === null);
    await crash();
  }
});

test("an erasure that D1 refuses removes nothing, waits longer each time and is finished by the alarm", async () => {
  startSessionModel(1);
  const session = newSession();
  const run = await session.start();
  await session.ended(run.id);
  const record = () => env.BUCKET.head(`records/acme/${run.id}.json`);
  await until(async () => (await record()) !== null);
  const restore = await loseTable("session_tombstones");
  await session.api().erase();
  const postponed = async (attempts: number): Promise<number> => {
    const rows = async () => session.sql(`SELECT next_at FROM outbox WHERE kind = 'erase' AND attempts = ${attempts}`);
    await until(async () => (await rows()).length === 1);
    return Number((await rows())[0]?.["next_at"]);
  };
  const first = await postponed(1);
  // An export that missed it now would find no tombstone, and take it for lost.
  expect(await record()).not.toBeNull();
  const clock = vi.spyOn(Date, "now").mockReturnValue(first);
  expect(await runDurableObjectAlarm(session.stub())).toBe(true);
  const second = await postponed(2);
  expect(second - first).toBeGreaterThanOrEqual(1000);
  expect(await session.alarmAt()).toBeGreaterThan(first);
  expect(await session.sql("SELECT value FROM meta WHERE key = 'erasing'")).toHaveLength(1);
  await crash();
  await restore();
  clock.mockReturnValue(second);
  expect(await runDurableObjectAlarm(session.stub())).toBe(true);
  expect(await tombstone(session)).toEqual({ tenant: "acme" });
  expect(await record()).toBeNull();
  expect(await session.alarmAt()).toBeNull();
});

test("a record on its way when the session is erased does not stay", async () => {
  startSessionModel(1);
  const session = newSession();
  const puts = holdPuts("records/");
  const run = await session.start();
  await session.ended(run.id);
  await until(() => puts.keys.length > 0);
  await session.api().erase();
  puts.release();
  await until(async () => (await session.alarmAt()) === null);
  expect(puts.keys).toEqual([`records/acme/${run.id}.json`]);
  expect(await env.BUCKET.head(`records/acme/${run.id}.json`)).toBeNull();
  expect(await env.DB.prepare("SELECT * FROM runs WHERE run_id = ?").bind(run.id).first()).toBeNull();
});

test("an erased session that is woken stays as it is", async () => {
  startSessionModel(1);
  const session = newSession();
  await session.start();
  await session.api().erase();
  await until(async () => (await session.alarmAt()) === null);
  await session.api().wake();
  await runInDurableObject(session.stub(), async (_, { storage }) => {
    expect(await storage.getAlarm()).toBeNull();
  });
});
