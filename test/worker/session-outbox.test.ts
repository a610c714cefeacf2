// The outbox: what a run owes to R2 and D1 arrives once, whenever they come back, and never holds the run up.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, present, type SessionUnderTest, until } from "../support/session-object.ts";
import { holdPuts, losePuts, loseTable } from "../support/session-stores.ts";

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

async function ledgerRows(session: SessionUnderTest) {
  const { results } = await env.DB.prepare("SELECT run_id, status, ended_at FROM runs WHERE session_id = ?")
    .bind(session.id)
    .all();
  return results;
}

/** The next time at which an outbox row is due, milliseconds since the epoch. */
async function nextTry(session: SessionUnderTest, kind: "created" | "ended"): Promise<number> {
  const rows = await session.sql(`SELECT next_at FROM outbox WHERE kind = '${kind}'`);
  return Number(present(rows[0], `row ${kind}`)["next_at"]);
}

async function postponed(session: SessionUnderTest, attempts: number): Promise<void> {
  await until(async () => {
    const rows = await session.sql("SELECT attempts FROM outbox ORDER BY kind DESC");
    return rows.length > 0 && rows.every((row) => Number(row["attempts"]) >= attempts);
  });
}

test("a run leaves its record and its row, and then owes nothing", async () => {
  startSessionModel(1);
  const session = newSession();
  const run = await session.start({ reference: { answers: ["42"] } });
  await session.ended(run.id);
  await until(async () => (await session.alarmAt()) === null);
  expect(await session.sql("SELECT * FROM outbox")).toEqual([]);
  expect(await ledgerRows(session)).toMatchObject([{ run_id: run.id, status: "completed" }]);
  const stored = await env.BUCKET.get(`records/acme/${run.id}.json`);
  const record = await session.api().getRecord(run.id);
  expect(await stored?.json()).toEqual(record.kind === "found" ? record.value : null);
});

test("while D1 is down the run completes, and its rows wait longer each time", async () => {
  startSessionModel(1);
  const session = newSession();
  const restore = await loseTable("runs");
  const run = await session.start();
  expect((await session.ended(run.id)).status).toBe("completed");
  await postponed(session, 1);
  const clock = vi.spyOn(Date, "now");
  for (const step of [1, 2, 3, 4]) {
    const now = (await nextTry(session, "ended")) + step;
    clock.mockReturnValue(now);
    expect(await runDurableObjectAlarm(session.stub())).toBe(true);
    const [row] = await session.sql("SELECT attempts, next_at FROM outbox WHERE kind = 'ended'");
    const attempts = Number(row?.["attempts"]);
    const wait = Number(row?.["next_at"]) - now;
    expect(attempts).toBeGreaterThan(step);
    expect(wait).toBeGreaterThanOrEqual(1000 * 2 ** (attempts - 2));
    expect(wait).toBeLessThanOrEqual(1000 * 2 ** (attempts - 1));
    expect(await session.alarmAt()).toBeLessThanOrEqual(now + Math.max(wait, 1000));
  }
  await restore();
  clock.mockReturnValue((await nextTry(session, "ended")) + 60_000);
  await runDurableObjectAlarm(session.stub());
  expect(await ledgerRows(session)).toMatchObject([{ run_id: run.id, status: "completed" }]);
  expect(await session.alarmAt()).toBeNull();
});

test("while R2 is down the run completes and is listed, and its record comes later", async () => {
  startSessionModel(1);
  const session = newSession();
  const restore = losePuts();
  const run = await session.start();
  expect((await session.ended(run.id)).status).toBe("completed");
  await postponed(session, 1);
  expect(await ledgerRows(session)).toMatchObject([{ run_id: run.id, ended_at: null }]);
  restore();
  vi.spyOn(Date, "now").mockReturnValue((await nextTry(session, "ended")) + 1);
  expect(await runDurableObjectAlarm(session.stub())).toBe(true);
  expect(await env.BUCKET.head(`records/acme/${run.id}.json`)).not.toBeNull();
  expect(await ledgerRows(session)).toMatchObject([{ run_id: run.id, status: "completed" }]);
  expect(await session.alarmAt()).toBeNull();
});

test("killed between the record and the row's end, the delivery is repeated without harm", async () => {
  startSessionModel(1);
  const session = newSession();
  const restore = await loseTable("runs");
  const run = await session.start();
  await session.ended(run.id);
  await postponed(session, 1);
  const before = await env.BUCKET.head(`records/acme/${run.id}.json`);
  await crash();
  await restore();
  vi.spyOn(Date, "now").mockReturnValue((await nextTry(session, "ended")) + 1);
  await runDurableObjectAlarm(session.stub());
  const after = await env.BUCKET.head(`records/acme/${run.id}.json`);
  expect(before?.version).toBeDefined();
  expect(after?.version).toBe(before?.version);
  expect(await ledgerRows(session)).toMatchObject([{ status: "completed" }]);
});

test("a delivery that is made again changes neither record nor row", async () => {
  startSessionModel(1);
  const session = newSession();
  const run = await session.start();
  await session.ended(run.id);
  await until(async () => (await session.alarmAt()) === null);
  const [row] = await ledgerRows(session);
  const object = await env.BUCKET.head(`records/acme/${run.id}.json`);
  await session.sql("INSERT INTO outbox VALUES (1, 'ended', 0, 0, NULL), (1, 'created', 0, 0, NULL)");
  await crash();
  await session.api().wake();
  await until(async () => (await session.sql("SELECT * FROM outbox")).length === 0);
  expect(await ledgerRows(session)).toEqual([row]);
  expect((await env.BUCKET.head(`records/acme/${run.id}.json`))?.version).toBe(object?.version);
});

test("a write that never answers is given up after a minute, and the row is delivered later", async () => {
  startSessionModel(1);
  const session = newSession();
  const puts = holdPuts("records/");
  // The first minute, which is the record's, is over as soon as it begins.
  const realTimer = setTimeout;
  let minutes = 0;
  vi.spyOn(globalThis, "setTimeout").mockImplementation((run, ms, ...rest) => {
    minutes += ms === 60_000 ? 1 : 0;
    return realTimer(run, ms === 60_000 && minutes === 1 ? 0 : ms, ...rest);
  });
  const run = await session.start();
  await session.ended(run.id);
  await until(async () => (await session.sql("SELECT 1 FROM outbox WHERE kind = 'ended' AND attempts = 1")).length > 0);
  puts.release();
  vi.spyOn(Date, "now").mockReturnValue((await nextTry(session, "ended")) + 1);
  expect(await runDurableObjectAlarm(session.stub())).toBe(true);
  await until(async () => (await session.alarmAt()) === null);
  expect(await ledgerRows(session)).toMatchObject([{ run_id: run.id, status: "completed" }]);
});

test("with the whole of D1 down a run still completes", async () => {
  startSessionModel(1);
  const session = newSession();
  const restore = await loseTable("runs");
  const restoreCapabilities = await loseTable("engine_capabilities");
  const run = await session.start();
  expect((await session.ended(run.id)).status).toBe("completed");
  await restoreCapabilities();
  await restore();
  await session.api().erase();
});
