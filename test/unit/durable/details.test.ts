// Putting a large detail into a bucket that refuses: the reply in hand is tried again, a bounded number of times.

import { inlineColumn, spilledColumn } from "../../../durable-objects/stored-shapes.ts";
import { expect, test } from "vitest";
import { prepareEvent } from "../../../durable-objects/details.ts";
import type { NewEvent } from "../../../src/agent/events.ts";

const answers = ["x".repeat(400_000)];
const event: NewEvent = {
  type: "step.retried",
  turn: null,
  step: "plan",
  role: "planner",
  attempt: 1,
  reason: "test",
  detail: { reference: { answers } },
};

/** A bucket that refuses so many puts, and what it was asked. */
function refusing(refusals: number, onPut: (puts: number) => void = () => undefined) {
  const keys: string[] = [];
  const waits: number[] = [];
  const abort = new AbortController();
  const put = (key: string) => {
    keys.push(key);
    onPut(keys.length);
    return keys.length <= refusals ? Promise.reject(new Error("R2 is busy")) : Promise.resolve(null);
  };
  const bucket: R2Bucket = Object.assign(Object.create(null), { put });
  const sleep = (ms: number) => {
    waits.push(ms);
    return Promise.resolve();
  };
  const deps = { bucket, clock: { sleep }, random: () => 1, signal: abort.signal };
  return { deps, keys, waits, abort };
}

test("a refused put is repeated with back-off, under the same key", async () => {
  const { deps, keys, waits } = refusing(3);
  const prepared = await prepareEvent(deps, "acme", "run_1", event);
  expect(prepared.detail).toEqual(spilledColumn(String(keys[0])));
  expect(new Set(keys).size).toBe(1);
  expect([keys.length, waits]).toEqual([4, [500, 1_000, 2_000]]);
});

test("the fourth refusal is final", async () => {
  const { deps, keys } = refusing(9);
  await expect(prepareEvent(deps, "acme", "run_1", event)).rejects.toThrow("R2 is busy");
  expect(keys).toHaveLength(4);
});

test("a loop that was taken away does not go on putting", async () => {
  const bucket = refusing(9, () => bucket.abort.abort());
  await expect(prepareEvent(bucket.deps, "acme", "run_1", event)).rejects.toThrow("R2 is busy");
  expect(bucket.keys).toHaveLength(1);
});

test("a small detail never leaves its row", async () => {
  const { deps, keys } = refusing(9);
  const detail = { reference: { answers: ["42"] } };
  expect((await prepareEvent(deps, "acme", "run_1", { ...event, detail })).detail).toEqual(
    inlineColumn(JSON.stringify(detail)),
  );
  expect(keys).toEqual([]);
});
