// A log that this version cannot read, as after a rollback: its run ends, and it holds up nobody else.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, type SessionUnderTest, valueOf } from "../support/session-object.ts";

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

/** A session whose first run was cut off in its second call and has an event of a type that nobody knows here. */
async function withStrangeLog(): Promise<SessionUnderTest> {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.run === session.runId(1) && call.role === "planner" ? "hang" : null));
  await session.start();
  await model.arrived(2);
  await crash();
  await session.sql(`UPDATE events SET body = json_set(body, '$.type', 'run.mystery') WHERE ordinal = 1 AND seq = 2`);
  return session;
}

test("is failed, and the next run of the session goes on", async () => {
  const session = await withStrangeLog();
  await runDurableObjectAlarm(session.stub());
  const next = await session.start();
  expect((await session.ended(next.id)).status).toBe("completed");
  expect(valueOf(await session.api().getSession()).runs.map((run) => run.status)).toEqual(["failed", "completed"]);
  const [last] = await session.sql("SELECT body FROM events WHERE ordinal = 1 ORDER BY seq DESC LIMIT 1");
  expect(last).toEqual({ body: expect.stringContaining('"problem":{"code":"log_unreadable"') });
  await session.api().erase();
});

test("does not keep its session from being erased", async () => {
  const session = await withStrangeLog();
  expect(await session.api().erase()).toEqual({ kind: "found", value: { run_ids: [session.runId(1)] } });
  expect((await session.api().getRun(session.runId(1))).kind).toBe("gone");
});
