// What stands beside the events, in a row or in R2 where it is too large for one; and logs that an older version wrote.

/// <reference types="vite/client" />
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { migrate } from "../support/migrate.ts";
import { startSessionModel } from "../support/session-model.ts";
import {
  crash,
  newSession,
  present,
  type SessionUnderTest,
  tenant,
  until,
  valueOf,
} from "../support/session-object.ts";
import { holdPuts } from "../support/session-stores.ts";
import { readAll } from "../support/sse-reader.ts";

beforeAll(() => migrate(env.DB));
afterEach(() => vi.restoreAllMocks());

/** Makes prompts beyond what a row may hold; one word, which is one token of the model's. */
const long = "x".repeat(400_000);

describe("details", () => {
  const prefix = (runId: string) => ({ prefix: `details/acme/${runId}/` });
  test("of ordinary size stand beside their events and are shown only with detail=full", async () => {
    startSessionModel(1);
    const session = newSession();
    const run = await session.start();
    await session.ended(run.id);
    const { events } = valueOf(await session.api().readEvents(run.id, 0, 100, "full"));
    const withCall = events.filter((event) => event.call !== undefined).map((event) => event.type);
    expect(withCall).toEqual([
      "analysis.completed",
      "plan.completed",
      "command.completed",
      "tool.completed",
      "verification.completed",
      "answer.completed",
    ]);
    expect(events.find((event) => event.type === "plan.completed")?.call).toMatchObject({ role: "planner" });
    expect((await session.log(run.id)).some((event) => "call" in event)).toBe(false);
    expect((await env.BUCKET.list(prefix(run.id))).objects).toEqual([]);
  });

  test("too large for a row go to R2, come back whole, and leave with the session", async () => {
    startSessionModel(1);
    const session = newSession();
    const run = await session.start({ query: long });
    expect((await session.ended(run.id)).status).toBe("completed");
    expect((await env.BUCKET.list(prefix(run.id))).objects.length).toBeGreaterThan(0);
    const sizes = await session.sql("SELECT max(length(detail)) AS size FROM events");
    expect(sizes[0]?.["size"]).toBeLessThan(1_000_000);
    const { events } = valueOf(await session.api().readEvents(run.id, 0, 100, "full"));
    const planned = events.find((event) => event.type === "plan.completed")?.call;
    expect(JSON.stringify(planned?.messages)).toContain(long);
    const record = await session.api().getRecord(run.id);
    expect(record).toMatchObject({ kind: "found", value: { num_turns: 1, turns: [{ messages: planned?.messages }] } });
    await session.api().erase();
    await until(async () => (await session.alarmAt()) === null);
    expect((await env.BUCKET.list(prefix(run.id))).objects).toEqual([]);
  });

  test.each(["short", "too long for a row"] as const)("are in a stream that asks for them (%s)", async (size) => {
    const model = startSessionModel(2);
    const session = newSession();
    const go = Promise.withResolvers<void>();
    model.play((call) => (call.index === 3 ? { text: "{}", pieces: 1, until: go.promise } : null));
    const run = await session.start({ query: size === "short" ? "How many?" : long });
    await model.arrived(3);
    const live = await session.api().streamEvents(run.id, 0, "full");
    const reading = readAll(live.kind === "stream" ? live.body : null);
    go.resolve();
    await session.ended(run.id);
    const late = await session.api().streamEvents(run.id, 0, "full");
    const paged = valueOf(await session.api().readEvents(run.id, 0, 100, "full")).events;
    const reads = [await reading, await readAll(late.kind === "stream" ? late.body : null)];
    for (const { events } of reads) {
      expect(events.filter((event) => event.id !== null).map((event) => event.data)).toEqual(paged);
    }
    expect(paged.filter((event) => event.call !== undefined)).toHaveLength(10);
    const stored = (await env.BUCKET.list(prefix(run.id))).objects;
    expect(stored.length > 1).toBe(size !== "short");
  });

  test("that are missing in R2 end the stream where they would be, and whoever comes back is told why", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    startSessionModel(1);
    const session = newSession();
    const run = await session.start({ query: long });
    await session.ended(run.id);
    const { objects } = await env.BUCKET.list(prefix(run.id));
    await env.BUCKET.delete(objects.map((object) => object.key));
    const outcome = await session.api().streamEvents(run.id, 0, "full");
    const { events } = await readAll(outcome.kind === "stream" ? outcome.body : null);
    // The analysis is the first event with a detail.
    expect(events.map(({ id }) => id)).toEqual(["1", "2"]);
    expect(await session.api().streamEvents(run.id, 2, "full")).toEqual({ kind: "unreadable", seq: 3 });
    await session.api().erase();
  });

  test("that were put for an event the log then refused are removed", async () => {
    const model = startSessionModel(1);
    const session = newSession();
    const puts = holdPuts("details/");
    const run = await session.start({ query: long });
    await model.arrived(1);
    await until(() => puts.keys.length > 0);
    await session.api().erase();
    // The erasure is complete, and the write comes after it.
    await until(async () => (await session.alarmAt()) === null);
    puts.release();
    await until(() => puts.written.length === 1);
    await until(async () => (await env.BUCKET.list(prefix(run.id))).objects.length === 0);
    expect(puts.keys.map((key) => key.split("/")[0])).toEqual(["details"]);
  });
});

describe("a run too large for one reply", () => {
  test("gives its events with their calls in pages, and its record from R2", async () => {
    startSessionModel(9);
    const session = newSession();
    const run = await session.start({ query: "x".repeat(800_000) });
    const { turns } = await session.ended(run.id);
    await until(async () => (await session.alarmAt()) === null);
    const pages: unknown[][] = [];
    let after = 0;
    for (let hasMore = true; hasMore;) {
      const page = valueOf(await session.api().readEvents(run.id, after, 500, "full"));
      pages.push(page.events.map(({ seq }) => seq));
      expect(JSON.stringify(page.events).length).toBeLessThan(12_000_000);
      expect(page.ended).toBe(!page.hasMore);
      after = page.events.at(-1)?.seq ?? 0;
      hasMore = page.hasMore;
    }
    expect(pages.length).toBeGreaterThan(1);
    expect(pages.flat()).toEqual((await session.log(run.id)).map(({ seq }) => seq));
    const record = valueOf(await session.api().getRecord(run.id));
    expect(record).toMatchObject({ rollout_id: run.id, num_turns: turns.length, turns: null });
    const stored = await env.BUCKET.get(`records/${tenant}/${run.id}.json`);
    expect(await stored?.json()).toMatchObject({ turns: { length: turns.length } });
    await session.api().erase();
  });
});

test("a log of large events comes in pages of bounded size", async () => {
  startSessionModel(9);
  const session = newSession();
  const run = await session.start();
  await session.ended(run.id);
  await session.sql(`UPDATE events SET body = json_set(body, '$.analysis', printf('%.*c', 1500000, 'x'))
    WHERE body ->> '$.type' = 'verification.completed'`);
  const seqs: number[] = [];
  for (let hasMore = true; hasMore;) {
    const page = valueOf(await session.api().readEvents(run.id, seqs.at(-1) ?? 0, 500, "public"));
    expect(JSON.stringify(page.events).length).toBeLessThan(9_000_000);
    expect(page.ended).toBe(!page.hasMore);
    seqs.push(...page.events.map(({ seq }) => seq));
    hasMore = page.hasMore;
  }
  const stored = await session.sql("SELECT count(*) AS count FROM events");
  expect(seqs).toEqual(Array.from({ length: Number(stored[0]?.["count"]) }, (_, index) => index + 1));
});

describe("a log that an older version wrote", () => {
  const fixtures = import.meta.glob<string>("../fixtures/session-v*.sql", {
    query: "?raw",
    import: "default",
    eager: true,
  });

  test("there is a fixture of every version up to the newest", async () => {
    const session = newSession();
    startSessionModel(1);
    await session.start();
    const version = Number((await session.sql("SELECT value FROM meta WHERE key = 'schema'"))[0]?.["value"]);
    expect(Object.keys(fixtures)).toEqual(
      Array.from({ length: version }, (_, index) => `../fixtures/session-v${index + 1}.sql`),
    );
    await session.api().erase();
  });

  test.each(Object.entries(fixtures))("%s is read, and its unended run goes on", async (_name, sql) => {
    startSessionModel(2);
    const session = newSession();
    const endpoint = {
      kind: "hosted",
      base_url: "http://model.test/v1",
      model: "mock",
      secret: null,
      logprobs_mode: "unknown",
    };
    // The policy that its runs are pinned to.
    await env.DB.prepare("INSERT INTO policies VALUES (?1, 'planner-7', 7, ?2, '', '') ON CONFLICT DO NOTHING")
      .bind(tenant, JSON.stringify(endpoint))
      .run();
    const [ended, unended] = await load(session, sql);
    await crash();

    expect(await session.api().getRun(ended)).toMatchObject({
      kind: "found",
      value: { id: ended, status: "completed", answer: "The answer is 42.", turns: [{ turn: 1 }] },
    });
    const record = await session.api().getRecord(ended);
    expect(record).toMatchObject({
      kind: "found",
      value: { rollout_id: ended, num_turns: 1, reference: { answers: ["42"] } },
    });
    const stream = await session.api().streamEvents(ended, 0, "public");
    const read = await readAll(stream.kind === "stream" ? stream.body : null);
    expect(read.events.at(-1)?.event).toBe("run.completed");

    expect(await session.ended(unended)).toMatchObject({ status: "completed", turns: [{ turn: 1 }, { turn: 2 }] });
    const log = await session.log(unended);
    expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
    expect(log.filter((event) => event.type === "step.retried")).toMatchObject([{ reason: "recovered" }]);
    await session.api().erase();
  });

  /** Fills an empty object as the older version left it; the ids of its ended and its unended run. */
  async function load(session: SessionUnderTest, sql: string): Promise<[ended: string, unended: string]> {
    await runInDurableObject(session.stub(), (_, { storage }) => {
      storage.sql.exec(sql);
    });
    const rows = await session.sql("SELECT run_id FROM runs ORDER BY ordinal");
    const ids = rows.map((row) => z.string().parse(row["run_id"]));
    return [present(ids[0], "ended run"), present(ids[1], "unended run")];
  }
});
