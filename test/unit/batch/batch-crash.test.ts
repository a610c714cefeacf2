// A batch whose object dies at any moment, whose sessions cannot be reached now and then, and whose ledger comes and
// goes: whatever happens, every planned rollout ends once and the ledger learns it once.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isBatchTerminal } from "../../../src/training/batch-events.ts";
import { batchSpec, batchTasks, creation } from "../../support/batch-fixture.ts";
import { BatchWorld, type Ending } from "../../support/batch-world.ts";

const endings: readonly Ending[] = [
  {},
  { reward: 0 },
  { reward: null, invalidReason: "no_turns", status: "failed" },
  { reward: null, invalidReason: "engine_failed", status: "failed" },
  { reward: null, invalidReason: "platform_lost", status: "failed" },
];

const trouble = fc.record({
  tasks: fc.integer({ min: 1, max: 6 }),
  groupSize: fc.integer({ min: 1, max: 4 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  /** By the number of a call to a session. */
  faults: fc.array(fc.constantFrom("lost" as const, "unheard" as const, null), { maxLength: 40 }),
  /** Calls after which the object dies. */
  crashes: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }),
  endings: fc.array(fc.nat({ max: endings.length - 1 }), { minLength: 1, maxLength: 20 }),
  /** By the number of a write. */
  ledgerFaults: fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 8 }),
  cancelAt: fc.option(fc.integer({ min: 1, max: 60 })),
});

/** Plays a batch to its end. */
async function play(plan: typeof trouble extends fc.Arbitrary<infer T> ? T : never): Promise<BatchWorld> {
  const world = new BatchWorld();
  const spec = batchSpec({ group_size: plan.groupSize, concurrency: plan.concurrency });
  world.ending = ({ rollout }) => {
    const place = Number(rollout.task_id.slice("task-".length)) * 7 + rollout.rollout_index * 3;
    return endings[plan.endings[(place + rollout.rollout_attempt) % plan.endings.length] ?? 0] ?? {};
  };
  world.sessionFault = (call) => {
    if (plan.crashes.includes(call)) {
      setImmediate(() => world.crash());
    }
    if (plan.cancelAt === call) {
      setImmediate(() => void world.work.cancelBatch());
    }
    return plan.faults[call] ?? null;
  };
  world.ledgerFault = (write) => plan.ledgerFaults.includes(write);
  await world.work.createBatch(creation(spec, batchTasks(plan.tasks)));
  await world.run();
  return world;
}

async function expectWhole(world: BatchWorld, planned: number): Promise<void> {
  const { status, counts } = await world.batch();
  expect(counts.queued + counts.ended).toBe(planned);
  expect(counts.running).toBe(0);
  expect(["completed", "cancelled"]).toContain(status);
  expect(counts.ended === planned || status === "cancelled").toBe(true);
  const places = world.rows(
    "SELECT count(*) AS n FROM rollouts WHERE state = 'ended' GROUP BY task_index, rollout_index",
  );
  expect(places.map((row) => row["n"])).toEqual(Array.from({ length: counts.ended }, () => 1));
  const attempts = world.rows("SELECT max(attempt) AS most FROM rollouts");
  expect(Number(attempts[0]?.["most"] ?? 0)).toBeLessThanOrEqual(3);
  const log = await world.events();
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
  expect(log.filter(({ type }) => isBatchTerminal(type))).toEqual([log.at(-1)]);
  const ended = log.flatMap((event) => (event.type === "rollout.ended" ? event.run_id : []));
  expect(new Set(ended).size).toBe(ended.length);
  const groups = log.filter(({ type }) => type === "group.completed").length;
  expect(world.closed().filter((state) => state === "complete").length).toBeGreaterThanOrEqual(groups);
  expect(world.closed()).not.toContain("open");
  expect([...world.batches.values()].map((row) => row.ended)).toEqual([status]);
}

test("every planned rollout ends once, whatever breaks and whenever the object dies", async () => {
  const played = fc.asyncProperty(trouble, async (plan) => {
    await expectWhole(await play(plan), plan.tasks * plan.groupSize);
  });
  await expect(fc.assert(played, { numRuns: 200 })).resolves.toBeUndefined();
});

test("a crash after each call of a batch in turn: no run is started twice, and none is left out", async () => {
  const quiet = new BatchWorld();
  await quiet.work.createBatch(creation(batchSpec({ group_size: 3, concurrency: 4 }), batchTasks(3)));
  await quiet.run();
  for (let call = 1; call <= quiet.calls; call++) {
    const world = new BatchWorld();
    world.sessionFault = (now) => {
      if (now === call) {
        setImmediate(() => world.crash());
      }
      return null;
    };
    await world.work.createBatch(creation(batchSpec({ group_size: 3, concurrency: 4 }), batchTasks(3)));
    await world.run();
    expect(world.runs.size).toBe(9);
    expect((await world.batch()).counts).toMatchObject({ ended: 9, valid: 9, redone: 0 });
    expect(world.closed()).toEqual(["complete", "complete", "complete"]);
  }
});

test("ten thousand rollouts are one batch", { timeout: 300_000 }, async () => {
  const world = new BatchWorld();
  await world.work.createBatch(creation(batchSpec({ group_size: 8, concurrency: 256 }), batchTasks(1250)));
  await world.run();
  expect(await world.batch()).toMatchObject({ status: "completed", counts: { ended: 10_000, groups_complete: 1250 } });
  expect(world.runs.size).toBe(10_000);
  expect(world.closed().every((state) => state === "complete")).toBe(true);
  // Groups go to the ledger in company: a statement each would cost more than the rollouts.
  expect(world.ledgerWrites).toBeLessThan(60);
});
