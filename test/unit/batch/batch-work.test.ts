// A batch from its creation to its end: what it starts, what it makes of the ends it is told, and what it tells the
// ledger. The object's own code over an SQLite in this process; sessions are played.

import { beforeEach, describe, expect, test } from "vitest";
import { batchSpec, batchTasks, creation } from "../../support/batch-fixture.ts";
import { BatchWorld } from "../../support/batch-world.ts";

let world: BatchWorld;

beforeEach(() => {
  world = new BatchWorld();
});

describe("a batch", () => {
  test("starts every rollout once, and is completed when all have ended", async () => {
    const created = await world.work.createBatch(creation(batchSpec(), batchTasks(3)));
    expect(created).toMatchObject({
      kind: "created",
      batch: { status: "queued", counts: { planned: 12, queued: 12 } },
    });
    await world.run();
    expect(await world.batch()).toMatchObject({
      status: "completed",
      counts: { tasks: 3, planned: 12, queued: 0, running: 0, ended: 12, valid: 12, invalid: {}, redone: 0 },
      mean_reward: 1,
      usage: { prompt_tokens: 1200, completion_tokens: 120 },
    });
    // Five starts are under way at a time, and may overtake each other.
    const started = [...world.runs.values()].map(({ rollout }) => `${rollout.task_id}/${rollout.rollout_index}`);
    expect(started.toSorted()).toEqual(
      ["task-0", "task-1", "task-2"].flatMap((task) => [0, 1, 2, 3].map((index) => `${task}/${index}`)),
    );
    expect([...world.runs.values()].map(({ asked }) => asked)).toEqual(Array.from({ length: 12 }, () => 1));
    expect(world.closed()).toEqual(["complete", "complete", "complete"]);
    expect([...world.batches.values()]).toMatchObject([{ ended: "completed", policy_version: "planner-7", tasks: 3 }]);
    expect(world.storage.alarm).toBeNull();
  });

  test("asks for free planners with seeds of their own, the task's reference and a place", async () => {
    await world.work.createBatch(creation(batchSpec({ group_size: 2 }), batchTasks(1)));
    await world.run();
    const starts = [...world.runs.values()]
      .toSorted((a, b) => a.rollout.rollout_index - b.rollout.rollout_index)
      .map(({ start }) => start);
    expect(starts).toMatchObject([
      {
        tenant: "acme",
        session: "new",
        reference: { answers: ["1"] },
        idempotency: null,
        spec: {
          query: "What is 0 + 1?",
          outputs: ["direct"],
          planner_structure: "free",
          policy: { version: "planner-7", step: 7 },
          rollout: { task_id: "task-0", rollout_index: 0, rollout_attempt: 1, split: "train" },
        },
      },
      { spec: { rollout: { rollout_index: 1 } } },
    ]);
    expect(new Set(starts.map(({ spec }) => spec.sampling.seed)).size).toBe(2);
  });

  test("logs what happened without a gap, the terminal event last", async () => {
    await world.work.createBatch(creation(batchSpec({ group_size: 2, concurrency: 1 }), batchTasks(2)));
    await world.run();
    const log = await world.events();
    expect(log.map(({ type }) => type)).toEqual([
      "batch.created",
      "batch.started",
      "rollout.ended",
      "rollout.ended",
      "group.completed",
      "rollout.ended",
      "rollout.ended",
      "group.completed",
      "batch.completed",
    ]);
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
    expect(log.at(4)).toMatchObject({ task_id: "task-0", valid: 2, mean_reward: 1 });
  });

  test("runs as many at once as asked and no more", async () => {
    world.ending = () => "never";
    await world.work.createBatch(creation(batchSpec({ group_size: 10, concurrency: 7 }), batchTasks(10)));
    await world.settle();
    expect(world.runs.size).toBe(7);
    expect((await world.batch()).counts).toMatchObject({ queued: 93, running: 7, ended: 0 });
  });

  test("has at most five calls to sessions under way, and starts the next as soon as one has ended", async () => {
    await world.work.createBatch(creation(batchSpec({ group_size: 10, concurrency: 7 }), batchTasks(10)));
    await world.settle();
    expect((await world.batch()).status).toBe("completed");
    // How many there are at once depends on how long the hashes of ids take; the bound does not.
    expect(world.mostCalls).toBeLessThanOrEqual(5);
    expect(world.mostRunning).toBeLessThanOrEqual(7);
  });

  test("a rollout that the infrastructure broke is redone twice at its index; the failures stay on record", async () => {
    world.ending = ({ rollout }) =>
      rollout.rollout_index === 1 ? { status: "failed", invalidReason: "engine_failed", reward: null } : {};
    await world.work.createBatch(creation(batchSpec({ group_size: 2 }), batchTasks(1)));
    await world.run();
    expect(await world.batch()).toMatchObject({
      status: "completed",
      counts: { planned: 2, ended: 2, valid: 1, invalid: { engine_failed: 1 }, redone: 2, groups_complete: 1 },
    });
    const attempts = [1, 2, 3].map((attempt) => world.started("task-0", 1, attempt));
    expect(new Set(attempts.map(({ runId }) => runId)).size).toBe(3);
    expect(new Set(attempts.map(({ start }) => start.spec.sampling.seed)).size).toBe(1);
    const ends = (await world.events()).filter((event) => event.type === "rollout.ended");
    expect(ends.map(({ rollout_attempt, redone }) => [rollout_attempt, redone])).toEqual([
      [1, false],
      [1, true],
      [2, true],
      [3, false],
    ]);
  });

  test("a run that somebody cancelled is not redone, and its group is closed incomplete", async () => {
    world.ending = ({ rollout }) =>
      rollout.rollout_index === 0 ? { status: "cancelled", invalidReason: "cancelled", reward: null } : {};
    await world.work.createBatch(creation(batchSpec(), batchTasks(1)));
    await world.run();
    expect(await world.batch()).toMatchObject({ status: "completed", counts: { ended: 4, invalid: { cancelled: 1 } } });
    expect(world.runs.size).toBe(4);
    expect(world.closed()).toEqual(["incomplete"]);
  });

  test("a rollout whose session was erased has ended", async () => {
    world.ending = ({ rollout }) => (rollout.rollout_index === 0 ? "never" : {});
    await world.work.createBatch(creation(batchSpec(), batchTasks(1)));
    await world.settle();
    world.erased.add(world.started("task-0", 0).runId);
    world.nowMs += 61_000;
    await world.run();
    expect(await world.batch()).toMatchObject({ status: "completed", counts: { ended: 4, invalid: { cancelled: 1 } } });
  });

  test("a report that comes twice changes nothing", async () => {
    await world.work.createBatch(creation(batchSpec(), batchTasks(1)));
    await world.run();
    const before = [await world.batch(), await world.events()];
    for (const one of world.runs.values()) {
      await world.work.rolloutEnded(world.reportOf(one, { reward: 0, invalidReason: "engine_failed" }));
    }
    expect([await world.batch(), await world.events()]).toEqual(before);
  });

  test("a report of a run that is none of the batch's changes nothing, nor does one to no batch at all", async () => {
    const stranger = new BatchWorld();
    await world.work.createBatch(creation(batchSpec({ group_size: 1 }), batchTasks(1)));
    await world.run();
    const report = world.reportOf(world.started("task-0", 0));
    await stranger.work.rolloutEnded(report);
    await stranger.work.rewardRecorded({ runId: report.runId, reward: 1 });
    expect(await stranger.work.getBatch()).toEqual({ kind: "unknown" });
    expect(stranger.rows("SELECT name FROM sqlite_master")).toEqual([]);
  });
});

describe("late rewards", () => {
  test("hold up their group, not the batch", async () => {
    world.ending = ({ rollout }) => (rollout.rollout_index === 0 ? { reward: null, isRewardPending: true } : {});
    await world.work.createBatch(creation(batchSpec({ group_size: 2 }), batchTasks(2)));
    await world.run();
    expect(await world.batch()).toMatchObject({
      status: "completed",
      counts: { ended: 4, valid: 2, rewards_pending: 2, invalid: {}, groups_complete: 0 },
    });
    expect(world.closed()).toEqual(["open", "open"]);
    await world.work.rewardRecorded({ runId: world.started("task-1", 0).runId, reward: 0.5 });
    await world.run();
    expect(world.closed()).toEqual(["open", "complete"]);
    expect(await world.batch()).toMatchObject({ counts: { valid: 3, rewards_pending: 1, groups_complete: 1 } });
    expect((await world.events()).at(-1)?.type).toBe("batch.completed");
  });

  test("given up, the group closes with a rollout that does not count; feedback makes it count", async () => {
    world.ending = () => ({ reward: null, isRewardPending: true });
    await world.work.createBatch(creation(batchSpec({ group_size: 1 }), batchTasks(1)));
    await world.run();
    await world.work.rewardRecorded({ runId: world.started("task-0", 0).runId, reward: null });
    await world.run();
    expect(world.closed()).toEqual(["complete"]);
    expect((await world.batch()).counts).toMatchObject({ valid: 0, invalid: { judge_failed: 1 } });
    await world.work.rewardRecorded({ runId: world.started("task-0", 0).runId, reward: 0.25 });
    expect(await world.batch()).toMatchObject({ mean_reward: 0.25, counts: { valid: 1, invalid: {} } });
  });

  test("that overtake the report of the run's end are in force when it comes", async () => {
    world.ending = () => "never";
    await world.work.createBatch(creation(batchSpec({ group_size: 1 }), batchTasks(1)));
    await world.settle();
    const one = world.started("task-0", 0);
    await world.work.rewardRecorded({ runId: one.runId, reward: 0.75 });
    await world.work.rolloutEnded(world.reportOf(one, { reward: null, isRewardPending: true }));
    await world.run();
    expect(await world.batch()).toMatchObject({
      status: "completed",
      mean_reward: 0.75,
      counts: { groups_complete: 1 },
    });
  });
});

describe("cancel", () => {
  test("ends the batch at once, cancels what runs, starts nothing more and closes its groups incomplete", async () => {
    world.ending = ({ rollout }) => (rollout.task_id === "task-0" ? {} : "never");
    await world.work.createBatch(creation(batchSpec({ concurrency: 6 }), batchTasks(5)));
    await world.settle();
    const cancelled = await world.work.cancelBatch();
    expect(cancelled).toMatchObject({ kind: "found", value: { status: "cancelled", counts: { running: 6 } } });
    await world.run();
    expect(await world.batch()).toMatchObject({
      status: "cancelled",
      counts: { queued: 10, running: 0, ended: 10, valid: 4, invalid: { cancelled: 6 }, groups_complete: 1 },
    });
    expect(world.closed()).toEqual(["complete", "incomplete", "incomplete", "incomplete", "incomplete"]);
    const log = await world.events();
    expect(log.filter(({ type }) => /^batch\.(completed|cancelled|failed)/.test(type))).toEqual([log.at(-1)]);
    expect([...world.batches.values()]).toMatchObject([{ ended: "cancelled" }]);
    expect(world.storage.alarm).toBeNull();
  });

  test("may be repeated, and does not change a batch that has ended", async () => {
    await world.work.createBatch(creation(batchSpec(), batchTasks(1)));
    await world.run();
    expect(await world.work.cancelBatch()).toMatchObject({ kind: "found", value: { status: "completed" } });
  });

  test("before the ledger knew of the batch: it knows that it was cancelled", async () => {
    world.isLedgerDown = true;
    await world.work.createBatch(creation(batchSpec(), batchTasks(2)));
    await world.settle();
    await world.work.cancelBatch();
    world.isLedgerDown = false;
    await world.run();
    expect(world.runs.size).toBe(0);
    expect([...world.batches.values()]).toMatchObject([{ ended: "cancelled" }]);
  });
});

describe("faults", () => {
  test("a ledger that is away holds the batch up and loses nothing", async () => {
    world.isLedgerDown = true;
    await world.work.createBatch(creation(batchSpec(), batchTasks(2)));
    await world.settle();
    expect((await world.batch()).status).toBe("queued");
    world.isLedgerDown = false;
    await world.ring();
    await world.settle();
    world.isLedgerDown = true;
    await world.ring();
    await world.settle();
    world.isLedgerDown = false;
    await world.run();
    expect((await world.batch()).status).toBe("completed");
    expect(world.closed()).toEqual(["complete", "complete"]);
  });

  test("a session that cannot be reached is asked again by the alarm, and its run is started once", async () => {
    world.sessionFault = (call) => (call % 2 === 1 ? "lost" : "unheard");
    await world.work.createBatch(creation(batchSpec({ group_size: 2 }), batchTasks(2)));
    await world.settle();
    world.sessionFault = () => null;
    await world.run();
    expect(await world.batch()).toMatchObject({ status: "completed", counts: { ended: 4, valid: 4, redone: 0 } });
    expect(world.runs.size).toBe(4);
  });

  test("a session that can never be reached is lost to the platform, and its rollout redone elsewhere", async () => {
    let isDown = true;
    world.sessionFault = (call) => (isDown && call <= 5 ? "lost" : null);
    await world.work.createBatch(creation(batchSpec({ group_size: 1 }), batchTasks(1)));
    await world.run();
    isDown = false;
    expect(await world.batch()).toMatchObject({ status: "completed", counts: { ended: 1, valid: 1, redone: 1 } });
  });

  test("a run that says nothing is asked after once a minute, and no more often", async () => {
    world.ending = () => "never";
    await world.work.createBatch(creation(batchSpec({ group_size: 1 }), batchTasks(1)));
    await world.settle();
    expect(world.started("task-0", 0).asked).toBe(1);
    for (let alarms = 0; alarms < 3; alarms++) {
      await world.ring();
      await world.settle();
    }
    expect(world.started("task-0", 0).asked).toBe(1);
    for (let alarms = 0; alarms < 3; alarms++) {
      await world.ring();
      await world.settle();
    }
    expect(world.started("task-0", 0).asked).toBe(2);
  });

  test("a task that cannot be read fails the batch, which then owes nothing more", async () => {
    await world.work.createBatch(creation(batchSpec({ group_size: 1, concurrency: 1 }), batchTasks(3)));
    world.rows("UPDATE tasks SET body = '{}' WHERE task_index = 1");
    await world.run();
    expect(await world.batch()).toMatchObject({
      status: "failed",
      error: { code: "task_unreadable" },
      counts: { valid: 1 },
    });
    expect((await world.events()).at(-1)).toMatchObject({ type: "batch.failed", problem: { code: "task_unreadable" } });
    expect(world.closed()).toEqual(["complete", "incomplete", "incomplete"]);
    expect([...world.batches.values()]).toMatchObject([{ ended: "failed" }]);
  });
});

describe("uploads", () => {
  const piece = (first: number, count: number, upload = "upload-1") => ({
    batchId: "bat_00000000000000000000000001",
    upload,
    first,
    tasks: batchTasks(count, first),
  });

  test("nothing starts before the batch is created, and pieces that come twice count once", async () => {
    await world.work.addTasks(piece(0, 2));
    await world.work.addTasks(piece(0, 2));
    await world.settle();
    expect(world.runs.size).toBe(0);
    expect(await world.work.getBatch()).toEqual({ kind: "unknown" });
    const created = await world.work.createBatch({ spec: batchSpec(), last: piece(2, 1), bodyHash: "hash" });
    expect(created).toMatchObject({ kind: "created", batch: { counts: { tasks: 3 } } });
    await world.run();
    expect((await world.batch()).counts.ended).toBe(12);
  });

  test("a batch is not made from half of its tasks", async () => {
    await world.work.addTasks(piece(0, 2));
    const lost = await world.work.createBatch({ spec: batchSpec(), last: piece(3, 1), bodyHash: "hash" });
    expect(lost).toEqual({ kind: "upload_lost" });
    expect(world.rows("SELECT * FROM tasks")).toEqual([]);
    await world.run();
    expect(world.storage.alarm).toBeNull();
  });

  test("what was refused or given up is thrown away", async () => {
    await world.work.addTasks(piece(0, 2));
    await world.work.dropTasks("upload-1");
    expect(world.rows("SELECT * FROM tasks")).toEqual([]);
    await world.work.addTasks(piece(0, 2, "upload-2"));
    expect(world.storage.alarm).not.toBeNull();
    await world.run();
    expect(world.rows("SELECT * FROM tasks")).toEqual([]);
  });

  test("the same request again reaches the batch; another one with its key is refused", async () => {
    await world.work.createBatch(creation(batchSpec(), batchTasks(1)));
    const again = { ...creation(batchSpec(), batchTasks(1)), last: piece(0, 1, "upload-2") };
    expect(await world.work.createBatch(again)).toMatchObject({ kind: "replayed", batch: { counts: { tasks: 1 } } });
    expect(await world.work.createBatch({ ...again, bodyHash: "other" })).toEqual({ kind: "key_reused" });
    await world.run();
    expect((await world.batch()).counts.ended).toBe(4);
    expect(world.rows("SELECT DISTINCT upload FROM tasks")).toEqual([{ upload: "upload-1" }]);
  });
});
