import { expect, test } from "vitest";
import { replayLimitsOf } from "../../src/tools/python-coder/replay-limits.ts";

const limits = { maxFuel: 5_000, waitMs: 5_000, timeMs: 90_000 };

test.each([1, 2, 5, 9])("%i programs that each took all of their limits fit when they run again", (programs) => {
  const { maxFuel, waitMs } = replayLimitsOf(limits, programs);
  expect(maxFuel).toBeGreaterThan(programs * limits.maxFuel);
  expect(waitMs).toBeGreaterThan(programs * limits.waitMs);
});

test("a machine that is too slow has no more time for many programs, and their waits have an end", () => {
  expect(replayLimitsOf(limits, 100)).toEqual({ maxFuel: 515_000, waitMs: 60_000, timeMs: 90_000 });
});
