// A session's runs one after the other, the keys that make a retry harmless, and ids that name nothing.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { promptOf } from "../support/mock-openai/replies.ts";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { newSession, type SessionUnderTest, until, valueOf } from "../support/session-object.ts";

beforeAll(() => migrate(env.DB));
afterEach(() => vi.restoreAllMocks());

const dayMs = 24 * 3600 * 1000;

async function statuses(session: SessionUnderTest): Promise<string[]> {
  return valueOf(await session.api().getSession()).runs.map((run) => run.status);
}

test("runs go one after the other, in the order in which they came", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const go = Promise.withResolvers<void>();
  model.play((call) => (call.index === 1 ? { text: "{}", pieces: 0, until: go.promise } : null));
  const first = await session.start({ query: "first" });
  const second = await session.start({ query: "second" });
  const third = await session.start({ query: "third" });
  await model.arrived(1);
  expect(await statuses(session)).toEqual(["running", "queued", "queued"]);
  expect((await session.log(second.id)).map((event) => event.type)).toEqual(["run.created"]);
  go.resolve();
  await session.ended(third.id);
  expect(await statuses(session)).toEqual(["completed", "completed", "completed"]);
  const order = model.calls.map((call) => call.run).filter((run, index, all) => run !== all[index - 1]);
  expect(order).toEqual([first.id, second.id, third.id]);
});

test("the second run's analyzer sees what the first one answered", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "generator" ? { text: "It is the number forty-two." } : null));
  await session.start({ query: "What is six times seven?" });
  const second = await session.start({ query: "And twice that?", session: "existing" });
  await session.ended(second.id);
  const prompts = model.callsOf("analyzer").map((call) => promptOf(call.body));
  expect(prompts[0]).not.toContain("forty-two");
  expect(prompts[1]).toContain("It is the number forty-two.");
});

test("the eighteenth open run is refused, and the session goes on as it was", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play(() => "hang");
  for (const ordinal of Array.from({ length: 17 }, (_, index) => index + 1)) {
    expect((await session.start()).id).toBe(session.runId(ordinal));
  }
  expect(await session.tryStart()).toEqual({ kind: "queue_full", waiting: 16 });
  await session.api().cancelRun(session.runId(17));
  expect((await session.start()).id).toBe(session.runId(18));
  expect(await statuses(session)).toHaveLength(18);
  await session.api().erase();
});

test("requests that arrive together start runs with different numbers and one loop", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const runs = await Promise.all([session.start(), session.start(), session.start()]);
  expect(runs.map((run) => run.id).toSorted()).toEqual([1, 2, 3].map(session.runId));
  await session.ended(session.runId(3));
  expect(model.calls).toHaveLength(18);
  expect(await statuses(session)).toEqual(["completed", "completed", "completed"]);
});

test("the same key and body give the same run, another body is refused", async () => {
  startSessionModel(1);
  const session = newSession();
  const idempotency = { keyHash: "k1", bodyHash: "b1" };
  const [one, other] = await Promise.all([session.tryStart({ idempotency }), session.tryStart({ idempotency })]);
  expect([one.kind, other.kind].toSorted()).toEqual(["replayed", "started"]);
  expect(await session.tryStart({ idempotency: { keyHash: "k1", bodyHash: "b2" } })).toEqual({ kind: "key_reused" });
  expect(await session.tryStart({ idempotency: { keyHash: "k2", bodyHash: "b1" } })).toMatchObject({ kind: "started" });
  await session.ended(session.runId(2));
  expect(await session.tryStart({ idempotency })).toMatchObject({
    kind: "replayed",
    run: { id: session.runId(1), status: "completed" },
  });
});

test("a key older than a day starts a new run, which the key then names", async () => {
  startSessionModel(1);
  const session = newSession();
  const idempotency = { keyHash: "k1", bodyHash: "b1" };
  await session.start({ idempotency });
  await session.ended(session.runId(1));
  const now = Date.now();
  const clock = vi.spyOn(Date, "now").mockReturnValue(now + dayMs - 60_000);
  expect((await session.tryStart({ idempotency })).kind).toBe("replayed");
  clock.mockReturnValue(now + dayMs + 60_000);
  expect(await session.tryStart({ idempotency: { keyHash: "k1", bodyHash: "b2" } })).toMatchObject({
    kind: "started",
    run: { id: session.runId(2) },
  });
  expect((await session.tryStart({ idempotency })).kind).toBe("key_reused");
  await session.api().erase();
});

test("a run that such a key starts knows nothing of the older one, and its own follow-ups know only it", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "generator" ? { text: `Said in ${call.run}.` } : null));
  const idempotency = { keyHash: "k1", bodyHash: "b1" };
  const old = await session.start({ idempotency });
  await session.ended(old.id);
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + dayMs + 60_000);
  const fresh = await session.start({ idempotency });
  await session.ended(fresh.id);
  const followUp = await session.start({ session: "existing" });
  await session.ended(followUp.id);
  const prompts = model.callsOf("analyzer").map((call) => promptOf(call.body));
  expect(prompts[1]).not.toContain("Said in");
  expect(prompts[2]).toContain(`Said in ${fresh.id}.`);
  expect(prompts[2]).not.toContain(`Said in ${old.id}.`);
  await session.api().erase();
});

test("the list of runs is given page by page, oldest first", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play(() => "hang");
  for (const ordinal of [1, 2, 3]) {
    expect((await session.start()).id).toBe(session.runId(ordinal));
  }
  const page = async (after: string | null, limit: number) => {
    const { runs, has_more } = valueOf(await session.api().getSession({ after, limit }));
    return { ids: runs.map((run) => run.id), has_more };
  };
  expect(await page(null, 2)).toEqual({ ids: [session.runId(1), session.runId(2)], has_more: true });
  expect(await page(session.runId(2), 2)).toEqual({ ids: [session.runId(3)], has_more: false });
  expect(await page(session.runId(3), 2)).toEqual({ ids: [], has_more: false });
  await session.api().erase();
});

test("a session that must exist and does not is unknown", async () => {
  startSessionModel(1);
  expect(await newSession().tryStart({ session: "existing" })).toEqual({ kind: "unknown_session" });
});

test("an id that names nothing is unknown to every method and leaves no trace", async () => {
  startSessionModel(1);
  const session = newSession();
  const id = session.runId(1);
  const api = session.api();
  const answers = [
    await api.getRun(id),
    await api.waitForEnd(id),
    await api.readEvents(id, 0, 10, "full"),
    await api.streamEvents(id, 0, "public"),
    await api.cancelRun(id),
    await api.getRecord(id),
    await api.getSession(),
    await api.erase(),
  ];
  await api.wake();
  expect(answers).toEqual(answers.map(() => ({ kind: "unknown" })));
  await runInDurableObject(session.stub(), async (_, { storage }) => {
    expect(storage.sql.exec("SELECT name FROM sqlite_master").toArray()).toEqual([]);
    expect(await storage.getAlarm()).toBeNull();
  });
});

test("a run id that the session does not have is unknown beside one that it has", async () => {
  startSessionModel(1);
  const session = newSession();
  const run = await session.start();
  expect(await session.api().getRun(session.runId(2))).toEqual({ kind: "unknown" });
  await session.ended(run.id);
  await until(async () => (await session.alarmAt()) === null);
});
