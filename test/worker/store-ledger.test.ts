import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createLedger, type ListRuns, maxOverdue } from "../../src/store/ledger.ts";
import { noRollout, type RunCreatedRow, type RunEndedRow } from "../../src/store/ledger-row.ts";
import { StoreFault } from "../../src/store/store-fault.ts";
import { migrate } from "../support/migrate.ts";

const ledger = createLedger(env.DB);

beforeAll(() => migrate(env.DB));

/** Names are the test's own, for storage is shared inside a file. */
function created(tenant: string, ordinal: number, more: Partial<RunCreatedRow> = {}): RunCreatedRow {
  return {
    run_id: `run_${tenant}_${String(ordinal).padStart(4, "0")}`,
    tenant,
    session_id: `ses_${tenant}`,
    query: `question ${ordinal}`,
    created_at: `2026-11-22T10:00:${String(ordinal).padStart(2, "0")}.000Z`,
    max_seconds: 300,
    policy_version: "offline-0",
    ...noRollout,
    ...more,
  };
}

function ended(tenant: string, ordinal: number, more: Partial<RunEndedRow> = {}): RunEndedRow {
  return {
    ...created(tenant, ordinal),
    status: "completed",
    ended_at: "2026-11-22T10:05:00.000Z",
    turns: 2,
    prompt_tokens: 100,
    completion_tokens: 20,
    reason: null,
    error_code: null,
    record_key: `records/${tenant}/x.json`,
    record_sha256: "ab",
    invalid_reason: null,
    reward: null,
    reward_kind: null,
    reward_components: null,
    reward_pending: false,
    ...more,
  };
}

function query(tenant: string, more: Partial<ListRuns> = {}): ListRuns {
  return { tenant, limit: 10, before: null, status: null, session_id: null, ...more };
}

const ids = async (more: ListRuns) => (await ledger.list(more)).runs.map((run) => run.run_id);

describe("the ledger", () => {
  test("shows a run as running until its end is written", async () => {
    await ledger.recordCreated(created("one", 1));
    expect((await ledger.list(query("one"))).runs).toEqual([
      {
        run_id: "run_one_0001",
        session_id: "ses_one",
        status: "running",
        query: "question 1",
        created_at: "2026-11-22T10:00:01.000Z",
        ended_at: null,
        policy_version: "offline-0",
        turns: null,
        prompt_tokens: null,
        completion_tokens: null,
        reason: null,
        error_code: null,
      },
    ]);
    await ledger.recordEnded(ended("one", 1, { status: "incomplete", reason: "max_turns" }));
    expect((await ledger.list(query("one"))).runs).toMatchObject([
      { status: "incomplete", reason: "max_turns", turns: 2, prompt_tokens: 100, ended_at: "2026-11-22T10:05:00.000Z" },
    ]);
  });

  test("takes every write again, in any order, and the first end wins", async () => {
    await ledger.recordEnded(ended("again", 1));
    await ledger.recordCreated(created("again", 1));
    await ledger.recordEnded(ended("again", 1, { status: "failed", error_code: "late" }));
    const { runs } = await ledger.list(query("again"));
    expect(runs).toMatchObject([{ status: "completed", error_code: null }]);
  });

  test("keeps 500 characters of a query, even when the cut falls inside a character", async () => {
    await ledger.recordCreated(created("long", 1, { query: `${"x".repeat(499)}😀 and more` }));
    expect((await ledger.list(query("long"))).runs[0]?.query).toBe(`${"x".repeat(499)}\uFFFD`);
  });

  test("lists newest first, page after page, without gaps or repeats", async () => {
    // Two runs share a time: the id decides.
    for (const ordinal of [1, 2, 3, 4, 5]) {
      await ledger.recordCreated(
        created("pages", ordinal, ordinal === 4 ? { created_at: created("", 3).created_at } : {}),
      );
    }
    const first = await ledger.list(query("pages", { limit: 2 }));
    const last = first.runs.at(-1);
    const second = await ledger.list(query("pages", { limit: 3, before: last ?? null }));
    expect([...first.runs, ...second.runs].map((run) => run.run_id.slice(-1))).toEqual(["5", "4", "3", "2", "1"]);
    expect([first.hasMore, second.hasMore]).toEqual([true, false]);
  });

  test("filters by status, by session and always by tenant", async () => {
    await ledger.recordCreated(created("filter", 1));
    await ledger.recordEnded(ended("filter", 2, { session_id: "ses_other" }));
    await ledger.recordCreated(created("stranger", 3));
    expect(await ids(query("filter"))).toEqual(["run_filter_0002", "run_filter_0001"]);
    expect(await ids(query("filter", { status: "completed" }))).toEqual(["run_filter_0002"]);
    expect(await ids(query("filter", { session_id: "ses_filter" }))).toEqual(["run_filter_0001"]);
    expect(await ids(query("filter", { session_id: "ses_stranger" }))).toEqual([]);
  });

  test("finds the runs that should have ended five minutes ago", async () => {
    await ledger.recordCreated(created("overdue", 1));
    await ledger.recordCreated(created("overdue", 2, { max_seconds: 3600 }));
    await ledger.recordEnded(ended("overdue", 3));
    const due = Date.parse("2026-11-22T10:00:01.000Z") + 600_000;
    const overdueAt = async (ms: number) => (await ledger.overdue(ms)).filter((run) => run.tenant === "overdue");
    expect(await overdueAt(due)).toEqual([]);
    expect(await overdueAt(due + 1000)).toEqual([
      { tenant: "overdue", session_id: "ses_overdue", run_id: "run_overdue_0001" },
    ]);
  });

  test("gives each sweep those that the one before left, and then begins again", async () => {
    await env.DB.prepare("DELETE FROM runs").run();
    const insert = env.DB.prepare(
      `INSERT INTO runs (run_id, tenant, session_id, status, query, created_at, max_seconds, policy_version)
       SELECT 'run_sweep_' || value, 'sweep', 'ses_sweep', 'running', '?', '2026-11-22T10:00:00.000Z', 300, 'p'
       FROM json_each(?)`,
    );
    await insert.bind(JSON.stringify(Array.from({ length: maxOverdue + 3 }, (_, index) => index))).run();
    const at = Date.parse("2026-11-23T10:00:00.000Z");
    const sweep = async (minutes: number) => (await ledger.overdue(at + minutes * 60_000)).map((run) => run.run_id);
    const [first, second] = [await sweep(0), await sweep(15)];
    expect([first.length, second.length]).toEqual([maxOverdue, maxOverdue]);
    expect(new Set([...first, ...second]).size).toBe(maxOverdue + 3);
  });

  test("says where a rollout belongs and how it counts", async () => {
    const place = { batch_id: "bat_1", group_id: "grp_1", task_id: "t", rollout_index: 0, rollout_attempt: 2 };
    const counts = { invalid_reason: "mixed_policy", reward: 0.5, reward_kind: "f1", reward_pending: true };
    await ledger.recordCreated(created("rollout", 1, place));
    await ledger.recordEnded(ended("rollout", 1, { ...place, ...counts, reward_components: { f1: 0.5 } }));
    const row = await env.DB.prepare("SELECT * FROM runs WHERE run_id = 'run_rollout_0001'").first();
    expect(row).toMatchObject({ ...place, ...counts, reward_components: '{"f1":0.5}', reward_pending: 1 });
  });

  test("erases a session for good: no late row brings it back", async () => {
    await ledger.recordCreated(created("erase", 1));
    expect(await ledger.isErased("erase", "ses_erase")).toBe(false);
    await ledger.eraseSession("erase", "ses_erase", "2026-11-22T11:00:00.000Z");
    await ledger.eraseSession("erase", "ses_erase", "2026-11-22T12:00:00.000Z");
    await ledger.recordEnded(ended("erase", 1));
    await ledger.recordCreated(created("erase", 2));
    expect(await ids(query("erase"))).toEqual([]);
    expect(await ledger.isErased("erase", "ses_erase")).toBe(true);
    expect(await ledger.isErased("other", "ses_erase")).toBe(false);
  });

  test("keeps what looks like SQL as text", async () => {
    const text = "'); DROP TABLE runs; --";
    await ledger.recordCreated(created("sql", 1, { query: text }));
    expect((await ledger.list(query("sql", { status: text }))).runs).toEqual([]);
    expect((await ledger.list(query("sql"))).runs[0]?.query).toBe(text);
  });

  test("says that D1 failed, not what it said", async () => {
    const broken = new Proxy(env.DB, { get: () => () => env.DB.prepare("SELECT * FROM no_such_table") });
    const failure = createLedger(broken).ping();
    await expect(failure).rejects.toBeInstanceOf(StoreFault);
    await expect(failure).rejects.toMatchObject({
      code: "ledger_unavailable",
      message: "The ledger cannot be reached.",
    });
  });

  test("uses an index for each kind of list", async () => {
    const plan = async (where: string) => {
      const sql = `EXPLAIN QUERY PLAN SELECT * FROM runs WHERE ${where} ORDER BY created_at DESC, run_id DESC LIMIT 1`;
      return JSON.stringify((await env.DB.prepare(sql).all()).results);
    };
    expect(await plan("tenant = 'a'")).toContain("runs_by_time");
    expect(await plan("tenant = 'a' AND status = 'b'")).toContain("runs_by_status");
    expect(await plan("tenant = 'a' AND session_id = 'b'")).toContain("runs_by_session");
    for (const where of ["tenant = 'a'", "tenant = 'a' AND status = 'b'", "tenant = 'a' AND session_id = 'b'"]) {
      expect(await plan(where)).not.toContain("TEMP B-TREE");
    }
  });
});
