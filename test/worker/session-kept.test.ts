// What a session keeps in memory beside its SQLite says what the SQLite says: also after a transaction that failed, and
// in an object that knows nothing yet.

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { migrate } from "../support/migrate.ts";
import { defaultReply } from "../support/mock-openai/replies.ts";
import { type ModelCall, startSessionModel } from "../support/session-model.ts";
import { crash, newSession, type SessionUnderTest, until } from "../support/session-object.ts";

beforeAll(() => migrate(env.DB));
afterEach(() => vi.restoreAllMocks());

const tables = {
  events: "BEFORE INSERT ON events",
  "the run's row": "BEFORE UPDATE ON runs",
  outbox: "BEFORE INSERT ON outbox",
};

/** From now on the table refuses what `when` says, until the returned function is called. */
async function refusing(
  session: SessionUnderTest,
  what: keyof typeof tables,
  when = "1",
): Promise<() => Promise<void>> {
  await session.sql(`CREATE TRIGGER refusal ${tables[what]} WHEN ${when}
    BEGIN SELECT RAISE(ABORT, 'no room'); END`);
  return async () => {
    await session.sql("DROP TRIGGER refusal");
  };
}

describe("a transaction that fails", () => {
  test.each([
    ["events", "NEW.seq = 4"],
    ["the run's row", "NEW.status = 'completed'"],
    ["outbox", "NEW.kind = 'ended'"],
  ] as const)("(%s, %s) leaves the run as it stood, and the run goes on from there", async (what, when) => {
    const model = startSessionModel(1);
    const warned = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const session = newSession();
    const held = Promise.withResolvers<void>();
    const text = (call: ModelCall) => defaultReply(call, { stopAtTurn: 1, tool: "base_generator" });
    model.play((call) => (call.index === 1 ? { text: text(call), pieces: 0, until: held.promise } : null));
    const run = await session.start();
    await model.arrived(1);
    const allow = await refusing(session, what, when);
    held.resolve();
    await until(() => warned.mock.calls.length > 0);

    const stored = await session.sql("SELECT max(seq) AS seq FROM events");
    expect((await session.log(run.id)).at(-1)?.seq).toBe(stored[0]?.["seq"]);
    expect(await session.api().getRun(run.id)).toMatchObject({ kind: "found", value: { status: "running" } });
    expect(await session.sql("SELECT status, ended_at FROM runs")).toEqual([{ status: "running", ended_at: null }]);

    await allow();
    await session.api().wake();
    expect(await session.ended(run.id)).toMatchObject({ status: "completed" });
    const ended = await session.log(run.id);
    expect(ended.map((event) => event.seq)).toEqual(ended.map((_, index) => index + 1));
    await until(async () => (await session.sql("SELECT 1 FROM outbox")).length === 0);
  });
});

test("the tables of a new session are those that the migrations come to", async () => {
  startSessionModel(1);
  const fixtures = import.meta.glob<string>("../fixtures/session-v1.sql", {
    query: "?raw",
    import: "default",
    eager: true,
  });
  const [older, fresh] = [newSession(), newSession()];
  await runInDurableObject(older.stub(), (_, { storage }) => {
    storage.sql.exec(Object.values(fixtures)[0] ?? "");
  });
  // The next incarnation brings it up to date.
  await crash();
  await older.api().wake();
  await fresh.ended((await fresh.start()).id);
  expect(await shapeOf(fresh)).toEqual(await shapeOf(older));
});

test("a run that goes on is in the ledger", async () => {
  const model = startSessionModel(1);
  const session = newSession();
  model.play(() => "hang");
  const run = await session.start();
  const row = () => env.DB.prepare("SELECT status FROM runs WHERE run_id = ?").bind(run.id).first();
  await until(async () => (await row()) !== null);
  expect(await row()).toEqual({ status: "running" });
  await session.api().erase();
});

const Column = z.object({ table: z.string(), name: z.string() });

async function shapeOf(session: SessionUnderTest) {
  const columns = await session.sql(
    `SELECT tables.name AS "table", columns.* FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns
     WHERE tables.type = 'table' AND tables.name IN ('meta', 'runs', 'events', 'outbox')`,
  );
  const key = (column: unknown): string => Object.values(Column.parse(column)).join("/");
  return columns.toSorted((left, right) => key(left).localeCompare(key(right)));
}
