// The alarm: it stands while something is open and only then, and it looks after loops that fell silent or broke off.

import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { isTerminal } from "../../src/agent/events.ts";
import { createParts } from "../../src/parts.ts";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, present, until } from "../support/session-object.ts";
import { holdPuts } from "../support/session-stores.ts";

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  Object.assign(env, { LEASE_SECONDS: "" });
});

const leaseMs = 15_000;
/** A loop that says nothing for longer is taken away. */
const silentMs = 2 * createParts(env).longestCallMs;

test("stands a lease ahead while a run is unended, and again after it has rung", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play(() => "hang");
  const before = Date.now();
  const run = await session.start();
  expect(await session.alarmAt()).toBeGreaterThanOrEqual(before + leaseMs);
  await model.arrived(1);
  const now = Date.now() + leaseMs;
  vi.spyOn(Date, "now").mockReturnValue(now);
  await runDurableObjectAlarm(session.stub());
  expect(await session.alarmAt()).toBe(now + leaseMs);
  // The loop was alive: it was left alone, and no second one was started.
  expect(model.calls).toHaveLength(1);
  expect((await session.log(run.id)).some((event) => event.type === "step.retried")).toBe(false);
  await session.api().erase();
});

test("the lease is the operator's to choose", async () => {
  const model = startSessionModel(1);
  Object.assign(env, { LEASE_SECONDS: "3" });
  const session = newSession();
  model.play(() => "hang");
  const before = Date.now();
  await session.start();
  const at = present(await session.alarmAt(), "alarm");
  expect(at - before).toBeGreaterThanOrEqual(3000);
  expect(at - Date.now()).toBeLessThanOrEqual(3000);
  await session.api().erase();
});

test("an alarm does not wait for a store that does not answer", async () => {
  startSessionModel(1);
  Object.assign(env, { LEASE_SECONDS: "0.1" });
  const session = newSession();
  const puts = holdPuts("records/");
  const run = await session.start();
  await session.ended(run.id);
  await until(() => puts.keys.length === 1);
  await session.api().wake();
  // The creation goes with the end.
  expect(await session.sql("SELECT kind FROM outbox")).toEqual([{ kind: "created" }, { kind: "ended" }]);
  expect(puts.keys).toHaveLength(1);
  puts.release();
  await until(async () => (await session.alarmAt()) === null);
  const row = await env.DB.prepare("SELECT status FROM runs WHERE run_id = ?").bind(run.id).first();
  expect(row).toEqual({ status: "completed" });
});

test("a later run does not put the alarm off", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play(() => "hang");
  await session.start();
  const at = await session.alarmAt();
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 10_000);
  await session.start();
  expect(await session.alarmAt()).toBe(at);
  await session.api().erase();
});

test.each(["request", "cron"] as const)("an alarm that the platform lost is set again by a %s", async (by) => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.index <= 2 ? "hang" : null));
  const run = await session.start();
  await model.arrived(1);
  await runInDurableObject(session.stub(), (_, state) => state.storage.deleteAlarm());
  await crash();
  await (by === "cron" ? session.api().wake() : session.api().getRun(run.id));
  await model.arrived(2);
  expect(await session.alarmAt()).toBeGreaterThan(Date.now());
  await crash();
  await runDurableObjectAlarm(session.stub());
  expect((await session.ended(run.id)).status).toBe("completed");
  await until(async () => (await session.alarmAt()) === null);
});

test("a loop that a fault broke off is taken up by the alarm, and not by everyone who asks", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const warned = vi.spyOn(console, "warn");
  const puts = holdPuts("details/");
  puts.fail(new Error("R2 is down"));
  const run = await session.start({ query: "x".repeat(400_000) });
  const next = await session.start();
  await until(() => warned.mock.calls.length > 0);
  for (let asked = 0; asked < 12; asked++) {
    await session.api().getRun(run.id);
  }
  expect((await session.log(run.id)).map((event) => event.type)).toEqual(["run.created", "run.started"]);
  await runDurableObjectAlarm(session.stub());
  await model.arrived(2);
  await until(() => warned.mock.calls.length > 1);
  expect(await session.alarmAt()).toBeGreaterThan(Date.now());
  // A cancel makes way for the next run at once.
  await session.api().cancelRun(run.id);
  await until(() => model.calls.some((call) => call.run === next.id));
  expect((await session.ended(next.id)).status).toBe("completed");
  expect((await session.log(run.id)).map((event) => event.type)).toEqual([
    "run.created",
    "run.started",
    "step.retried",
    "run.cancelled",
  ]);
  await session.api().erase();
});

test("a silent loop is taken away after twice the longest call, and what it still says is not heard", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const go = Promise.withResolvers<void>();
  const late = '{"justification":"","context":"","sub_goal":"too late","tool_name":"base_generator"}';
  model.play((call) => (call.index === 2 ? { text: late, pieces: 1, until: go.promise } : null));
  const run = await session.start();
  const silent = await model.arrived(2);
  const began = Date.now();
  const clock = vi.spyOn(Date, "now").mockReturnValue(began + silentMs - 1000);
  await runDurableObjectAlarm(session.stub());
  expect(silent.isAborted()).toBe(false);
  clock.mockReturnValue(began + silentMs + 1000);
  await runDurableObjectAlarm(session.stub());
  expect(silent.isAborted()).toBe(true);
  go.resolve();
  await session.ended(run.id);
  const log = await session.log(run.id);
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.filter((event) => isTerminal(event.type))).toHaveLength(1);
  expect(log.filter((event) => event.type === "step.retried")).toMatchObject([{ step: "plan", reason: "recovered" }]);
  expect(JSON.stringify(log)).not.toContain("too late");
});

test("a loop that was taken away in the middle of an append does not write beside its successor", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const puts = holdPuts("details/");
  const run = await session.start({ query: "x".repeat(400_000) });
  await until(() => puts.keys.length === 1);
  const clock = vi.spyOn(Date, "now").mockReturnValue(Date.now() + silentMs + 1000);
  await runDurableObjectAlarm(session.stub());
  await until(() => puts.keys.length === 2);
  clock.mockRestore();
  puts.release();
  expect((await session.ended(run.id)).status).toBe("completed");
  const log = await session.log(run.id);
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.filter((event) => event.type === "analysis.completed")).toHaveLength(1);
  expect(model.callsOf("analyzer")).toHaveLength(2);
  // What the refused append had put is gone again: each detail in R2 has its event.
  const rows = await session.sql("SELECT detail FROM events WHERE detail LIKE '%r2%'");
  await until(async () => {
    const { objects } = await env.BUCKET.list({ prefix: `details/acme/${run.id}/` });
    return objects.length === rows.length;
  });
  await session.api().erase();
});
