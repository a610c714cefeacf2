// POST /v1/rollouts and what can be asked of batches and groups, over the real objects: both forms of the body, what is
// refused and where, retries, other tenants, and the log as page and stream.

import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { BatchEventSchema } from "../../src/training/batch-events.ts";
import { Batch } from "../../src/training/batch-object.ts";
import { Problem } from "../../src/http/problem.ts";
import { BatchSummary, Group } from "../../src/http/rollout-wire.ts";
import { pageOf } from "../../src/http/wire.ts";
import { migrate } from "../support/migrate.ts";
import { rolloutsApi, type RolloutsApi } from "../support/rollouts-http.ts";
import { startSessionModel } from "../support/session-model.ts";
import { readAll } from "../support/sse-reader.ts";

beforeAll(() => migrate(env.DB));
beforeEach(() => {
  startSessionModel(1);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const tasks = [
  { id: "six", query: "What is six times seven?", answers: ["42"] },
  { id: "two", query: "What is one plus one?", answers: ["2"], metadata: { level: "easy" } },
];
const small = { tasks, group_size: 2, tools: ["base_generator"] };

async function problem(reply: Response) {
  const { status, code, errors = [] } = Problem.parse(await reply.json());
  return { status, code, fields: errors.map((error) => [error.field, error.code]) };
}

const posted = async (api: RolloutsApi, body: unknown) =>
  problem(await api.send("POST", "/v1/rollouts", { body: JSON.stringify(body) }));

const ndjson = { "content-type": "application/x-ndjson" };
const lines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");

describe("a batch", () => {
  test("runs each task as often as asked, and its groups show rewards and advantages", async () => {
    const api = await rolloutsApi("whole");
    const reply = await api.send("POST", "/v1/rollouts", { body: JSON.stringify({ ...small, seed: 11 }) });
    expect(reply.status).toBe(202);
    const started = Batch.parse(await reply.json());
    expect(reply.headers.get("location")).toBe(`/v1/rollouts/${started.id}`);
    expect(started).toMatchObject({ status: "queued", seed: 11, sampling: { temperature: 0.7 }, concurrency: 16 });
    const ended = await api.ended(started.id);
    expect(ended).toMatchObject({
      status: "completed",
      policy_version: "planner-7",
      counts: { planned: 4, ended: 4, valid: 4, groups_complete: 2 },
    });
    const page = pageOf(Group).parse(await (await api.send("GET", `/v1/groups?batch_id=${started.id}`)).json());
    expect(page.data.map((group) => [group.task_id, group.status, group.size_valid])).toEqual([
      ["six", "complete", 2],
      ["two", "complete", 2],
    ]);
    const [group] = page.data;
    expect(group?.rollouts).toHaveLength(2);
    expect(group?.rollouts.every((rollout) => rollout.advantage === 0 && rollout.valid === true)).toBe(true);
    const alone = await api.send("GET", `/v1/groups/${group?.id}?advantage_spec=grpo/turn/std=none/eps=0`);
    expect(Group.parse(await alone.json())).toMatchObject({
      id: group?.id,
      advantage_spec: "grpo/turn/std=none/eps=0",
    });
  });

  test("as NDJSON is the same batch: blank lines do not count, options are in the query", async () => {
    const api = await rolloutsApi("lines");
    const body = `\n${lines(tasks)}\r\n`;
    const query = "group_size=2&tools=base_generator&temperature=1&max_turns=3&seed=11";
    const reply = await api.send("POST", `/v1/rollouts?${query}`, { body, headers: ndjson });
    expect(reply.status).toBe(202);
    const { id, ...started } = Batch.parse(await reply.json());
    expect(started).toMatchObject({
      sampling: { temperature: 1 },
      limits: { max_turns: 3 },
      tools: ["base_generator"],
      counts: { tasks: 2, planned: 4 },
    });
    expect((await api.ended(id)).status).toBe("completed");
  });

  test("of ten thousand tasks is taken in from either form, and can be cancelled", async () => {
    const api = await rolloutsApi("large");
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      query: `What is ${index} plus one? ${"x".repeat(200)}`,
      answers: [String(index + 1)],
    }));
    const asJson = await api.start({ tasks: many, group_size: 10, concurrency: 1 });
    expect(asJson.counts).toMatchObject({ tasks: 10_000, planned: 100_000 });
    expect((await api.send("POST", `/v1/rollouts/${asJson.id}/cancel`)).status).toBe(200);
    const asLines = await api.send("POST", "/v1/rollouts?group_size=10&concurrency=1", {
      body: lines(many),
      headers: ndjson,
    });
    const { id, counts } = Batch.parse(await asLines.json());
    expect(counts.planned).toBe(100_000);
    const cancelled = await api.send("POST", `/v1/rollouts/${id}/cancel`);
    expect(Batch.parse(await cancelled.json()).status).toBe("cancelled");
    const again = await api.send("POST", `/v1/rollouts/${id}/cancel`);
    expect(Batch.parse(await again.json()).status).toBe("cancelled");
  });

  test("is listed, newest first", async () => {
    const api = await rolloutsApi("listed");
    const ids: string[] = [];
    for (let made = 0; made < 3; made++) {
      const { id } = await api.start(small);
      await api.ended(id);
      ids.unshift(id);
    }
    const first = pageOf(BatchSummary).parse(await (await api.send("GET", "/v1/rollouts?limit=2")).json());
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    const rest = await api.send("GET", `/v1/rollouts?cursor=${encodeURIComponent(first.next_cursor ?? "")}`);
    expect(pageOf(BatchSummary).parse(await rest.json())).toMatchObject({
      data: [{ id: ids[2], tasks: 2, group_size: 2 }],
      has_more: false,
    });
  });
});

describe("what is refused", () => {
  test("in JSON names its field", async () => {
    const api = await rolloutsApi("refused");
    expect(await posted(api, { tasks: [] })).toMatchObject({ status: 422, fields: [["tasks", "too_small"]] });
    expect(await posted(api, { tasks: [{ query: " " }] })).toMatchObject({ status: 422 });
    expect(await posted(api, { ...small, tasks: [tasks[0], tasks[0]] })).toMatchObject({
      code: "invalid_request",
      fields: [["tasks[1].id", "duplicate"]],
    });
    const blind = { query: "What?", answers: ["no number"], reward: { kind: "number" } };
    expect((await posted(api, { tasks: [tasks[0], blind] })).fields[0]?.[0]).toBe("tasks[1].answers");
    expect(await posted(api, { ...small, group_size: 0 })).toMatchObject({ fields: [["group_size", "too_small"]] });
    expect(await posted(api, { ...small, groupsize: 2 })).toMatchObject({ fields: [["groupsize", "unknown_field"]] });
    expect(await posted(api, { ...small, policy: "planner-9" })).toMatchObject({ code: "unknown_policy" });
    expect(await posted(api, { ...small, tools: ["hammer"] })).toMatchObject({ code: "unknown_tool" });
    const many = Array.from({ length: 1000 }, () => ({ query: "What?" }));
    expect(await posted(api, { tasks: many, group_size: 101 })).toMatchObject({
      fields: [["tasks[990]", "too_big"]],
    });
  });

  test("in NDJSON names its line", async () => {
    const api = await rolloutsApi("lines-refused");
    const post = async (body: string, query = "") =>
      problem(await api.send("POST", `/v1/rollouts${query}`, { body, headers: ndjson }));
    const good = lines([tasks[0]]);
    expect(await post(`${good}\n{"query":`)).toEqual({
      status: 422,
      code: "invalid_request",
      fields: [["line 3", "invalid_json"]],
    });
    expect(await post(`${good}{"query":7}\n${good}`)).toMatchObject({ fields: [["line 2: query", "invalid_type"]] });
    expect(await post(`${good}[]\n`)).toMatchObject({ fields: [["line 2", "invalid_type"]] });
    expect(await post(`${good}${good}`)).toMatchObject({ fields: [["line 2: id", "duplicate"]] });
    expect(await post(`${good}{"query":"${"x".repeat(300_000)}"}\n`)).toMatchObject({
      fields: [["line 2", "too_big"]],
    });
    expect(await post("\n\n")).toMatchObject({ fields: [["tasks", "too_small"]] });
    expect(await post(good, "?group_size=two")).toMatchObject({
      status: 422,
      fields: [["group_size", "invalid_type"]],
    });
    expect(await post(good, "?split=TEST")).toMatchObject({ fields: [["split", "invalid_format"]] });
  });

  test("a judge where no model judges, in either form; where one does it is taken", async () => {
    const api = await rolloutsApi("unjudged");
    const judged = { query: "What?", answers: ["42"], reward: { kind: "judge" } };
    expect(await posted(api, { ...small, tasks: [tasks[0], judged] })).toEqual({
      status: 422,
      code: "invalid_request",
      fields: [["tasks[1].reward", "no_judge"]],
    });
    const body = lines([tasks[0], judged]);
    expect(await problem(await api.send("POST", "/v1/rollouts", { body, headers: ndjson }))).toMatchObject({
      status: 422,
      fields: [["line 2: reward", "no_judge"]],
    });
    const able = await rolloutsApi("judged", "rollouts", { hasJudge: true });
    const { id } = await able.start({ ...small, tasks: [judged] });
    await able.send("POST", `/v1/rollouts/${id}/cancel`);
  });

  test("a line that is refused late leaves no task behind", async () => {
    const api = await rolloutsApi("dropped");
    const many = Array.from({ length: 600 }, (_, index) => ({ query: `What is ${index}?` }));
    const headers = { ...ndjson, "idempotency-key": "late" };
    const reply = await api.send("POST", "/v1/rollouts", { body: `${lines(many)}{}\n`, headers });
    expect(await problem(reply)).toMatchObject({ fields: [["line 601: query", "required"]] });
    const accepted = await api.send("POST", "/v1/rollouts?concurrency=1", { body: lines(many), headers });
    const { id, counts } = Batch.parse(await accepted.json());
    expect(counts.tasks).toBe(600);
    await api.send("POST", `/v1/rollouts/${id}/cancel`);
  });

  test("other types of bodies, options in two places, and keys without the scope", async () => {
    const api = await rolloutsApi("types");
    const send = async (headers: Record<string, string>, query = "") =>
      problem(await api.send("POST", `/v1/rollouts${query}`, { body: JSON.stringify(small), headers }));
    expect(await send({ "content-type": "text/plain" })).toMatchObject({ status: 415 });
    expect(await send({ ...ndjson, "content-encoding": "gzip" })).toMatchObject({ status: 415 });
    expect(await send({}, "?seed=1")).toMatchObject({ status: 422, fields: [["seed", "conflict"]] });
    const solver = await rolloutsApi("types", "solve");
    expect(await posted(solver, small)).toMatchObject({ status: 403, code: "missing_scope" });
  });
});

test("a retry with the same key reaches the same batch, whatever form it has; another body is refused", async () => {
  const api = await rolloutsApi("retried");
  const headers = { "idempotency-key": "monday" };
  const first = await api.start(small, headers);
  const again = await api.send("POST", "/v1/rollouts", { body: JSON.stringify(small), headers });
  expect(again.headers.get("idempotency-replayed")).toBe("true");
  expect(Batch.parse(await again.json()).id).toBe(first.id);
  const asLines = await api.send("POST", "/v1/rollouts?group_size=2&tools=base_generator", {
    body: lines(tasks),
    headers: { ...ndjson, ...headers },
  });
  expect(Batch.parse(await asLines.json()).id).toBe(first.id);
  const other = await api.send("POST", "/v1/rollouts", { body: JSON.stringify({ ...small, group_size: 3 }), headers });
  expect(await problem(other)).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  expect((await api.ended(first.id)).counts.ended).toBe(4);
  const stranger = await rolloutsApi("retried-elsewhere");
  expect((await stranger.start(small, headers)).id).not.toBe(first.id);
});

test("a key names a new batch after 24 hours, and keeps that one as long", async () => {
  const api = await rolloutsApi("daily");
  const headers = { "idempotency-key": "daily" };
  const first = await api.start(small, headers);
  await api.ended(first.id);
  const dueMs = Date.parse(first.created_at) + 24 * 3600 * 1000;
  const clock = vi.spyOn(Date, "now").mockReturnValue(dueMs - 1);
  expect((await api.start(small, headers)).id).toBe(first.id);
  clock.mockReturnValue(dueMs);
  const changed = { ...small, group_size: 3 };
  const next = await api.start(changed, headers);
  expect(next.id).not.toBe(first.id);
  expect((await api.start(changed, headers)).id).toBe(next.id);
  const reused = await api.send("POST", "/v1/rollouts", { body: JSON.stringify(small), headers });
  expect(await problem(reused)).toMatchObject({ status: 422, code: "idempotency_key_reused" });
  expect((await api.batch(first.id)).counts.planned).toBe(4);
  await api.send("POST", `/v1/rollouts/${next.id}/cancel`);
});

test("another tenant's batch and its groups are not there", async () => {
  const [owner, stranger] = [await rolloutsApi("owner"), await rolloutsApi("stranger")];
  const { id } = await owner.start(small);
  await owner.ended(id);
  const groups = pageOf(Group).parse(await (await owner.send("GET", `/v1/groups?batch_id=${id}`)).json());
  for (const path of [`/v1/rollouts/${id}`, `/v1/rollouts/${id}/events`, `/v1/groups/${groups.data[0]?.id}`]) {
    expect((await stranger.send("GET", path)).status).toBe(404);
    expect((await owner.send("GET", path, { headers: { accept: "application/json" } })).status).toBe(200);
  }
  expect((await stranger.send("POST", `/v1/rollouts/${id}/cancel`)).status).toBe(404);
  expect((await stranger.send("GET", `/v1/groups?batch_id=${id}`)).status).toBe(404);
  const nobodys = "/v1/groups?batch_id=bat_00000000000000000000000001";
  expect(await problem(await owner.send("GET", nobodys))).toMatchObject({ status: 404, code: "not_found" });
  expect((await owner.send("GET", "/v1/rollouts/bat_1")).status).toBe(404);
  expect((await owner.send("GET", "/v1/groups/grp_1")).status).toBe(404);
});

test("the log is a page or a stream, goes on from where a reader was, and is drained at its end", async () => {
  const api = await rolloutsApi("read");
  const { id } = await api.start(small);
  const live = await readAll((await api.send("GET", `/v1/rollouts/${id}/events`)).body);
  const json = { headers: { accept: "application/json" } };
  const page = pageOf(BatchEventSchema).parse(await (await api.send("GET", `/v1/rollouts/${id}/events`, json)).json());
  expect(page).toMatchObject({ has_more: false, next_cursor: null });
  expect(page.data.map(({ type }) => type)).toEqual([
    "batch.created",
    "batch.started",
    ...page.data.slice(2, -1).map(({ type }) => type),
    "batch.completed",
  ]);
  expect(live.events.map((message) => message.id)).toEqual(page.data.map(({ seq }) => String(seq)));
  const last = String(page.data.length);
  const rest = await api.send("GET", `/v1/rollouts/${id}/events`, { headers: { "last-event-id": "2" } });
  expect((await readAll(rest.body)).events.map((message) => message.id)).toEqual(
    page.data.slice(2).map(({ seq }) => String(seq)),
  );
  const drained = await api.send("GET", `/v1/rollouts/${id}/events?starting_after=${last}`);
  expect(drained.status).toBe(204);
});
