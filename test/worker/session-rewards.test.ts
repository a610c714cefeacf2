// Late rewards of a session's runs: a judge or a webhook is asked after the end, what it says stands once, and what
// it could not say is never a 0.

import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { createRewardStore } from "../../src/store/rewards.ts";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import { crash, newSession, present, type SessionUnderTest, tenant, until } from "../support/session-object.ts";
import { loseTable } from "../support/session-stores.ts";

// Variables are read once, when the isolate's first session is made.
const grader = { TENANT_SECRET_GRADER: `whsec_${btoa("k".repeat(32))}`, TENANT_SECRET_GRADER_FOR: "acme@model.test" };

beforeAll(async () => {
  Object.assign(env, grader);
  await migrate(env.DB);
});
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

const judged = { reference: { answers: ["42"], reward: { kind: "judge" as const } } };

async function rewards(runId: string) {
  return present(await createRewardStore(env.DB).ofRun(tenant, runId), "row of the run");
}

const outbox = (session: SessionUnderTest) => session.sql("SELECT kind, attempts, next_at FROM outbox ORDER BY kind");
const owesNothing = (session: SessionUnderTest) => until(async () => (await session.alarmAt()) === null);

/** The time at which a row of the outbox is tried again, once it has failed so often. */
async function postponed(session: SessionUnderTest, kind: string, attempts: number): Promise<number> {
  const row = async () => (await outbox(session)).find((one) => one["kind"] === kind && one["attempts"] === attempts);
  await until(async () => (await row()) !== undefined);
  return Number(present(await row(), "row")["next_at"]);
}

test("a judge is asked after the end, and its verdict is the reward in force", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const run = await session.start(judged);
  expect(await session.ended(run.id)).not.toHaveProperty("reward");
  await owesNothing(session);
  expect(model.callsOf("judge")).toHaveLength(1);
  expect(await rewards(run.id)).toEqual({
    inForce: { value: 1, kind: "judge", source: "judge", components: { judge: 1 } },
    isPending: false,
    late: [
      {
        source: "judge",
        kind: "judge",
        value: 1,
        components: { judge: 1 },
        reason: "The answer equals the reference.",
        error_code: null,
        judge_model: "mock",
        prompt_version: "judge/1",
        at: expect.any(String),
      },
    ],
  });
  const stored = await env.BUCKET.get(`records/${tenant}/${run.id}.json`);
  expect(await stored?.json()).toMatchObject({
    reward: null,
    reward_pending: true,
    valid: true,
    invalid_reason: null,
  });
  expect((await session.log(run.id)).at(-1)?.type).toBe("run.completed");
});

test("a judge that stays busy is asked five times, ever later, and has then failed", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "judge" ? { status: 503 } : null));
  const clock = vi.spyOn(Date, "now");
  const run = await session.start(judged);
  await session.ended(run.id);
  for (const attempts of [1, 2, 3, 4]) {
    const before = Date.now();
    const at = await postponed(session, "ask", attempts);
    expect(at - before).toBeGreaterThanOrEqual(5000 * 2 ** (attempts - 1) - 2000);
    expect((await rewards(run.id)).isPending).toBe(true);
    clock.mockReturnValue(at);
    await runDurableObjectAlarm(session.stub());
  }
  await owesNothing(session);
  expect(model.callsOf("judge")).toHaveLength(5);
  expect(await rewards(run.id)).toMatchObject({
    inForce: null,
    isPending: false,
    late: [{ source: "judge", value: null, error_code: "server_error" }],
  });
});

test("a judge that refuses for good is not asked again", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "judge" ? { status: 401 } : null));
  const run = await session.start(judged);
  await session.ended(run.id);
  await owesNothing(session);
  expect(model.callsOf("judge")).toHaveLength(1);
  expect((await rewards(run.id)).late).toMatchObject([{ value: null, error_code: "engine_auth" }]);
});

test("a verdict waits for D1 across a crash, and nobody is asked twice for it", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const hold = Promise.withResolvers<void>();
  model.play((call) =>
    call.role === "judge" ? { text: '{"analysis": "yes", "verdict": "TRUE"}', pieces: 0, until: hold.promise } : null,
  );
  const run = await session.start(judged);
  await session.ended(run.id);
  await until(() => model.callsOf("judge").length === 1);
  const restore = await loseTable("rewards");
  hold.resolve();
  await postponed(session, "reward", 1);
  await crash();
  await restore();
  vi.spyOn(Date, "now").mockReturnValue((await postponed(session, "reward", 1)) + 300_000);
  await runDurableObjectAlarm(session.stub());
  await owesNothing(session);
  expect(model.callsOf("judge")).toHaveLength(1);
  expect((await rewards(run.id)).late).toMatchObject([{ value: 1 }]);
});

test("a session that dies while the judge thinks asks again, and one verdict stands", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "judge" && call.n === 1 ? "hang" : null));
  const run = await session.start(judged);
  await session.ended(run.id);
  await until(() => model.callsOf("judge").length === 1);
  await crash();
  await runDurableObjectAlarm(session.stub());
  await owesNothing(session);
  expect(model.callsOf("judge")).toHaveLength(2);
  expect((await rewards(run.id)).late).toMatchObject([{ value: 1 }]);
});

test("a judge that thinks for long does not hold up the session's next run or its record", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "judge" ? "hang" : null));
  const first = await session.start(judged);
  await session.ended(first.id);
  await until(() => model.callsOf("judge").length === 1);
  const second = await session.start();
  await session.ended(second.id);
  await until(async () => (await env.BUCKET.head(`records/${tenant}/${second.id}.json`)) !== null);
  await until(async () => (await outbox(session)).length === 1);
  expect(await outbox(session)).toMatchObject([{ kind: "ask", attempts: 0 }]);
  await session.api().erase();
});

test("an erasure while the judge thinks leaves no reward", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  const hold = Promise.withResolvers<void>();
  model.play((call) => (call.role === "judge" ? { text: "{}", pieces: 0, until: hold.promise } : null));
  const run = await session.start(judged);
  await session.ended(run.id);
  await until(() => model.callsOf("judge").length === 1);
  await session.api().erase();
  await owesNothing(session);
  hold.resolve();
  await until(async () => (await session.sql("SELECT * FROM outbox")).length === 0);
  expect(await env.DB.prepare("SELECT * FROM rewards WHERE run_id = ?").bind(run.id).first()).toBeNull();
});

test("an erasure takes the reward that stands with it", async () => {
  startSessionModel(1);
  const session = newSession();
  const run = await session.start(judged);
  await session.ended(run.id);
  await owesNothing(session);
  await session.api().erase();
  await owesNothing(session);
  expect(await env.DB.prepare("SELECT * FROM rewards WHERE run_id = ?").bind(run.id).first()).toBeNull();
});

test("a run that failed or was cancelled is not judged", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play((call) => (call.role === "planner" ? { status: 401 } : null));
  const failed = await session.start(judged);
  await session.ended(failed.id);
  model.play(() => "hang");
  const cancelled = await session.start(judged);
  await session.api().cancelRun(cancelled.id);
  await owesNothing(session);
  expect(model.callsOf("judge")).toEqual([]);
  const { results } = await env.DB.prepare(
    "SELECT invalid_reason, reward_pending FROM runs WHERE session_id = ? ORDER BY run_id",
  )
    .bind(session.id)
    .all();
  expect(results).toEqual([
    { invalid_reason: "engine_failed", reward_pending: 0 },
    { invalid_reason: "cancelled", reward_pending: 0 },
  ]);
});

test("an external reward stays owed until somebody gives it", async () => {
  startSessionModel(1);
  const session = newSession();
  const run = await session.start({ reference: { answers: [], reward: { kind: "external" } } });
  await session.ended(run.id);
  await owesNothing(session);
  expect(await rewards(run.id)).toEqual({ inForce: null, late: [], isPending: true });
});

test("a webhook gets the signed outcome and gives the value", async () => {
  startSessionModel(1);
  const url = "http://model.test/grade";
  const asked: { headers: Headers; body: unknown }[] = [];
  const toModel = vi.mocked(fetch).getMockImplementation();
  vi.mocked(fetch).mockImplementation(async (input, init) => {
    if (input !== url) {
      return present(toModel, "model")(input, init);
    }
    asked.push({
      headers: new Headers(init?.headers),
      body: JSON.parse(typeof init?.body === "string" ? init.body : ""),
    });
    return Response.json({ value: 0.25, reason: "a quarter" });
  });
  const session = newSession();
  const reward = { kind: "webhook" as const, url, secret: "TENANT_SECRET_GRADER" };
  const run = await session.start({ reference: { answers: ["42"], reward }, metadata: { course: "a" } });
  await session.ended(run.id);
  await owesNothing(session);
  expect(asked).toHaveLength(1);
  expect(asked[0]?.headers.get("webhook-signature")).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  expect(asked[0]?.body).toMatchObject({
    type: "reward.requested",
    data: {
      run_id: run.id,
      status: "completed",
      answer: "The answer is 42.",
      answers: ["42"],
      metadata: { course: "a" },
    },
  });
  expect(await rewards(run.id)).toMatchObject({
    inForce: { value: 0.25, kind: "webhook", source: "webhook" },
    late: [{ reason: "a quarter", judge_model: null }],
  });
});
