// A crash at every step of a two-turn run: the object is killed in the middle of a call, comes back by its alarm or
// by the next request, and the run goes on to its end as if nothing had been lost but the call in flight.

import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { isTerminal, type RunEvent } from "../../src/agent/events.ts";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, type SessionUnderTest, until } from "../support/session-object.ts";
import { holdPuts } from "../support/session-stores.ts";

beforeAll(() => migrate(env.DB));
afterEach(() => vi.restoreAllMocks());

/** The calls of a run of two turns, in order, and the step that a crash in each of them interrupts. */
const calls = [
  ["analyzer", "analysis", null],
  ["planner", "plan", 1],
  ["executor", "command", 1],
  ["tool", "tool", 1],
  ["verifier", "verification", 1],
  ["planner", "plan", 2],
  ["executor", "command", 2],
  ["tool", "tool", 2],
  ["verifier", "verification", 2],
  ["generator", "answer", null],
] as const;
const roles = calls.map(([role]) => role);

const wakings: Record<"alarm" | "request", (session: SessionUnderTest) => Promise<unknown>> = {
  alarm: (session) => runDurableObjectAlarm(session.stub()),
  request: (session) => session.api().getRun(session.runId(1)),
};

/** Fails unless the log has no gap and one terminal event, its last. */
function expectSound(log: readonly RunEvent[]): void {
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.filter((event) => isTerminal(event.type)).map((event) => event.seq)).toEqual([log.length]);
}

function recoveries(log: readonly RunEvent[]) {
  return log.flatMap((event) =>
    event.type === "step.retried" ? [{ step: event.step, turn: event.turn, reason: event.reason }] : [],
  );
}

const crashes = calls.flatMap(([role, step, turn], index) =>
  (["alarm", "request"] as const).map((waking) => ({ at: index + 1, role, step, turn, waking })),
);

test.each(crashes)("killed in call $at ($role), woken by $waking", async ({ at, role, step, turn, waking }) => {
  const model = startSessionModel();
  const session = newSession();
  model.play((call) => (call.index === at ? "hang" : null));
  const run = await session.start();
  await model.arrived(at);
  await crash();
  await wakings[waking](session);
  const ended = await session.ended(run.id);
  const log = await session.log(run.id);

  expect(ended).toMatchObject({ status: "completed", answer: "The answer is 42." });
  expectSound(log);
  expect(recoveries(log)).toEqual([{ step, turn, reason: "recovered" }]);
  // Only the interrupted call is made again: no reply that is in the log was ever asked for twice.
  expect(model.calls.map((call) => call.role)).toEqual([...roles.slice(0, at - 1), role, ...roles.slice(at - 1)]);
  expect(log.filter((event) => event.type === "plan.completed")).toHaveLength(2);
});

test("killed in every call of one run", async () => {
  const model = startSessionModel();
  const session = newSession();
  model.play((call) => (call.index % 2 === 1 ? "hang" : null));
  const run = await session.start();
  for (const [index] of calls.entries()) {
    await model.arrived(index * 2 + 1);
    await crash();
    await runDurableObjectAlarm(session.stub());
  }
  const ended = await session.ended(run.id);
  const log = await session.log(run.id);
  expect(ended).toMatchObject({ status: "completed", turns: [{ turn: 1 }, { turn: 2 }] });
  expectSound(log);
  expect(recoveries(log)).toEqual(calls.map(([, step, turn]) => ({ step, turn, reason: "recovered" })));
});

test("a tool call that was open is closed once, and called again because the tool is safe to repeat", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.index === 4 ? "hang" : null));
  const run = await session.start();
  await model.arrived(4);
  await crash();
  await session.ended(run.id);
  const types = (await session.log(run.id)).map((event) => event.type);
  expect(types.filter((type) => type.startsWith("tool."))).toEqual(["tool.started", "tool.completed"]);
});

test("an object evicted after the end has nothing to recover", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const run = await session.start();
  await session.ended(run.id);
  await until(async () => (await session.sql("SELECT * FROM outbox")).length === 0);
  const before = await session.log(run.id);
  await evictDurableObject(session.stub());
  expect(await session.api().getRun(run.id)).toMatchObject({ kind: "found", value: { status: "completed" } });
  expect(await session.log(run.id)).toEqual(before);
  expect(model.calls).toHaveLength(6);
});

test("runs that wait behind a killed one are not taken for lost", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.index === 2 ? "hang" : null));
  const first = await session.start();
  const second = await session.start();
  await model.arrived(2);
  await crash();
  await runDurableObjectAlarm(session.stub());
  expect((await session.ended(second.id)).status).toBe("completed");
  expect(recoveries(await session.log(first.id))).toHaveLength(1);
  expect(recoveries(await session.log(second.id))).toEqual([]);
});

test("a run that keeps taking the object down is ended, and the next one goes on", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.run === session.runId(1) && call.role === "planner" ? "hang" : null));
  const run = await session.start();
  const next = await session.start();
  for (const count of Array.from({ length: 11 }, (_, index) => index + 1)) {
    await until(() => model.callsOf("planner").length === count);
    await crash();
    await runDurableObjectAlarm(session.stub());
  }
  // The request itself finds the run ended, and must not wait for an end that has been.
  expect(await session.ended(run.id)).toMatchObject({ status: "failed", error: { code: "recovery_exhausted" } });
  const log = await session.log(run.id);
  expectSound(log);
  expect(recoveries(log)).toHaveLength(10);
  expect((await session.ended(next.id)).status).toBe("completed");
});

test("the wait of a request that finds the recoveries exhausted ends at once", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "planner" ? "hang" : null));
  const run = await session.start();
  for (const count of Array.from({ length: 11 }, (_, index) => index + 1)) {
    await until(() => model.callsOf("planner").length === count);
    await crash();
    if (count < 11) {
      await session.api().getRun(run.id);
    }
  }
  expect(await session.ended(run.id)).toMatchObject({ status: "failed", error: { code: "recovery_exhausted" } });
});

test("killed between the terminal event and its delivery, the run is delivered by the alarm", async () => {
  startSessionModel(1);
  const session = newSession();
  const puts = holdPuts("records/");
  const run = await session.start();
  await session.ended(run.id);
  await until(() => puts.keys.length > 0);
  await crash();
  vi.restoreAllMocks();
  expect(await runDurableObjectAlarm(session.stub())).toBe(true);
  await until(async () => (await session.sql("SELECT * FROM outbox")).length === 0);
  expect(await env.BUCKET.head(`records/acme/${run.id}.json`)).not.toBeNull();
  const row = await env.DB.prepare("SELECT status FROM runs WHERE run_id = ?").bind(run.id).first();
  expect(row).toEqual({ status: "completed" });
});
