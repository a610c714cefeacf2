// Work that is bounded: it has its time, it is told when that is over, and it is left behind if it does not listen.

import { expect, test } from "vitest";
import { within } from "../../../durable-objects/within.ts";
import { createVirtualClock } from "../../support/virtual-clock.ts";

test("work that is done in time gives its value, and no timer is left", async () => {
  const clock = createVirtualClock({ whenIdle: "stay" });
  expect(await within(clock, 1000, async () => "done")).toBe("done");
  expect(clock.sleeping).toBe(0);
});

test("work that never settles is given up, and told so", async () => {
  const told: boolean[] = [];
  const work = within(createVirtualClock(), 1000, (signal) => {
    signal.addEventListener("abort", () => told.push(true));
    return new Promise<never>(() => undefined);
  });
  await expect(work).rejects.toThrow("not done within 1000 ms");
  expect(told).toEqual([true]);
});

test("a fault of the work is its own", async () => {
  const work = within(createVirtualClock(), 1000, () => Promise.reject(new Error("R2 is down")));
  await expect(work).rejects.toThrow("R2 is down");
});
