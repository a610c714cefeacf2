// A log that this version cannot read, as after a rollback: its run ends, and it holds up nobody else.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, type SessionUnderTest, until, valueOf } from "../support/session-object.ts";
import { losePuts } from "../support/session-stores.ts";

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

test("is shown as failed to whoever asks or cancels, and owes nothing", async () => {
  const session = await withStrangeLog();
  const id = session.runId(1);
  await runDurableObjectAlarm(session.stub());
  await until(async () => (await session.alarmAt()) === null);
  const shown = { id, status: "failed", error: { code: "log_unreadable" }, policy_version: "planner-7", turns: [] };
  expect(valueOf(await session.api().getRun(id))).toMatchObject(shown);
  expect(valueOf(await session.api().cancelRun(id))).toMatchObject(shown);
  expect(await session.sql("SELECT * FROM outbox")).toEqual([]);
  const row = env.DB.prepare("SELECT status, error_code, invalid_reason, record_key FROM runs WHERE run_id = ?");
  expect(await row.bind(id).first()).toEqual({
    status: "failed",
    error_code: "log_unreadable",
    invalid_reason: "platform_lost",
    record_key: null,
  });
});

test("is shown by its row alone where not even its creation can be read", async () => {
  const session = await withStrangeLog();
  const id = session.runId(1);
  await session.sql("UPDATE events SET body = '{' WHERE ordinal = 1 AND seq = 1");
  await runDurableObjectAlarm(session.stub());
  await until(async () => (await session.alarmAt()) === null);
  expect(valueOf(await session.api().getRun(id))).toMatchObject({
    status: "failed",
    query: "What is six times seven?",
    policy_version: "unknown",
  });
  expect(await env.DB.prepare("SELECT status FROM runs WHERE run_id = ?").bind(id).first()).toEqual({
    status: "failed",
  });
});

test("does not keep its session from being erased", async () => {
  const session = await withStrangeLog();
  expect(await session.api().erase()).toEqual({ kind: "found", value: { run_ids: [session.runId(1)] } });
  expect((await session.api().getRun(session.runId(1))).kind).toBe("gone");
});

test.each([
  [
    "the log makes no sense",
    `body = json_set(body, '$.type', 'run.started', '$.turn', 7) WHERE ordinal = 1 AND seq = 1`,
  ],
  ["a detail is gone from R2", `detail = '{"r2":"details/nowhere.json"}' WHERE ordinal = 1 AND seq = 1`],
])("owes the ledger nothing more where %s when its end is to be told", async (_, change) => {
  startSessionModel(1);
  const session = newSession();
  const restore = losePuts();
  const { id } = await session.start();
  await session.ended(id);
  const tries = async () => session.sql("SELECT next_at FROM outbox WHERE kind = 'ended' AND attempts > 0");
  await until(async () => (await tries()).length > 0);
  await session.sql(`UPDATE events SET ${change}`);
  restore();
  vi.spyOn(Date, "now").mockReturnValue(Number((await tries())[0]?.["next_at"]) + 1);
  await runDurableObjectAlarm(session.stub());
  expect(await session.sql("SELECT * FROM outbox")).toEqual([]);
  const row = env.DB.prepare("SELECT error_code, invalid_reason, record_key FROM runs WHERE run_id = ?");
  expect(await row.bind(id).first()).toEqual({
    error_code: "log_unreadable",
    invalid_reason: "platform_lost",
    record_key: null,
  });
});

/** A session whose only run has ended, with its second event made unreadable. */
async function withStrangeEvent(change: string): Promise<SessionUnderTest> {
  startSessionModel(1);
  const session = newSession();
  await session.ended((await session.start()).id);
  await session.sql(`UPDATE events SET ${change} WHERE ordinal = 1 AND seq = 2`);
  return session;
}

const details = ["public", "full"] as const;

test.each(details)("gives a page (%s) up to the event that cannot be read, and one from behind it", async (detail) => {
  const session = await withStrangeEvent("body = json_set(body, '$.type', 'run.mystery')");
  const id = session.runId(1);
  const page = async (after: number) => session.api().readEvents(id, after, 100, detail);
  expect(valueOf(await page(0))).toMatchObject({ events: [{ seq: 1 }], hasMore: true, ended: false });
  expect(await page(1)).toEqual({ kind: "unreadable", seq: 2 });
  const rest = valueOf(await page(2));
  expect(rest).toMatchObject({ hasMore: false, ended: true });
  expect(rest.events[0]).toMatchObject({ seq: 3 });
});

test.each(details)(
  "gives a stream (%s) that ends before that event; whoever comes back is told why",
  async (detail) => {
    const session = await withStrangeEvent("body = '['");
    const id = session.runId(1);
    const stream = await session.api().streamEvents(id, 0, detail);
    const text = stream.kind === "stream" ? await new Response(stream.body).text() : stream.kind;
    expect(text.match(/^id: \d+$/gm)).toEqual(["id: 1"]);
    expect(await session.api().streamEvents(id, 1, detail)).toEqual({ kind: "unreadable", seq: 2 });
    const behind = await session.api().streamEvents(id, 2, detail);
    expect(behind.kind === "stream" && (await new Response(behind.body).text())).toContain("event: run.completed");
  },
);

test("has no record", async () => {
  const session = await withStrangeEvent("body = ''");
  expect(await session.api().getRecord(session.runId(1))).toEqual({ kind: "unreadable", seq: 2 });
});

test.each(["not there", "of another shape"])(
  "shows the events without their calls where a detail in R2 is %s",
  async (how) => {
    const key = `details/${newSession().id}.json`;
    const session = await withStrangeEvent(`detail = '{"r2":"${key}"}'`);
    const id = session.runId(1);
    if (how === "of another shape") {
      await env.BUCKET.put(key, '{"calls":1}');
    }
    expect(await session.api().getRecord(id)).toMatchObject({ kind: "found" });
    expect(valueOf(await session.api().readEvents(id, 0, 100, "full")).events).toHaveLength(1);
    expect(await session.api().readEvents(id, 1, 100, "full")).toEqual({ kind: "unreadable", seq: 2 });
    expect(await session.api().streamEvents(id, 1, "full")).toEqual({ kind: "unreadable", seq: 2 });
    const stream = await session.api().streamEvents(id, 0, "full");
    expect(stream.kind === "stream" && (await new Response(stream.body).text()).match(/^id: \d+$/gm)).toEqual([
      "id: 1",
    ]);
    expect(valueOf(await session.api().readEvents(id, 0, 100, "public")).ended).toBe(true);
  },
);

test("is shown by its row where its events make no sense together", async () => {
  const session = await withStrangeEvent(`body = json_set(body, '$.type', 'turn.completed', '$.turn', 9, '$.ms', 1,
    '$.usage', json('{}'), '$.tool_status', 'ok', '$.queued_ms', NULL)`);
  await session.sql("UPDATE events SET body = json_remove(body, '$.queued_ms') WHERE seq = 2");
  await crash();
  expect(valueOf(await session.api().getRun(session.runId(1)))).toMatchObject({ status: "completed", turns: [] });
  expect(await session.api().getRecord(session.runId(1))).toMatchObject({ kind: "unreadable" });
});
