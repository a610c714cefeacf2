// The rest of a run whose loops break off one after another.

import { expect, test } from "vitest";
import { type LoopRest, nextRest } from "../../../durable-objects/loop-rest.ts";

const at = { nowMs: 1_000_000, leaseMs: 15_000 };

test("a first break asks for the next alarm, further ones for ever longer, five minutes at most", () => {
  let rest: LoopRest | null = null;
  const rests: number[] = [];
  for (let times = 1; times <= 8; times += 1) {
    rest = nextRest(rest, 1, at);
    rests.push(rest.untilMs - at.nowMs);
  }
  expect(rests).toEqual([0, 15_000, 45_000, 105_000, 225_000, 300_000, 300_000, 300_000]);
});

test("another run's breaks do not count", () => {
  const earlier = nextRest(nextRest(null, 1, at), 1, at);
  expect(nextRest(earlier, 2, at)).toEqual({ ordinal: 2, times: 1, untilMs: at.nowMs, isResting: true });
});
