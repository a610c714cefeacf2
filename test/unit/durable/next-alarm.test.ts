import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nextAlarm, type OpenWork } from "../../../durable-objects/next-alarm.ts";

const now = 1_800_000_000_000;
const leaseMs = 15_000;
const idle: OpenWork = { hasUnendedRun: false, outbox: [] };

test("nothing open needs no alarm", () => {
  expect(nextAlarm(idle, now, leaseMs)).toBeNull();
});

test("an unended run is looked after when its lease is over", () => {
  expect(nextAlarm({ ...idle, hasUnendedRun: true }, now, leaseMs)).toBe(now + leaseMs);
});

test("a row that was never tried is being delivered: the alarm is its lease", () => {
  expect(nextAlarm({ ...idle, outbox: [{ attempts: 0, next_at: 0 }] }, now, leaseMs)).toBe(now + leaseMs);
});

test("a postponed row is tried at its time, and a second from now where that has passed", () => {
  const at = (next_at: number) => nextAlarm({ ...idle, outbox: [{ attempts: 2, next_at }] }, now, leaseMs);
  expect(at(now + 40_000)).toBe(now + 40_000);
  expect(at(now - 40_000)).toBe(now + 1000);
});

const openWork = fc.record({
  hasUnendedRun: fc.boolean(),
  outbox: fc.array(fc.record({ attempts: fc.nat(20), next_at: fc.integer({ min: now - 1e9, max: now + 1e9 }) })),
});

test("whatever is open, the alarm is in the future and no later than any part of it asks for", () => {
  fc.assert(
    fc.property(openWork, fc.integer({ min: 1000, max: 600_000 }), (open, lease) => {
      const at = nextAlarm(open, now, lease);
      const parts = [
        ...(open.hasUnendedRun ? [{ ...idle, hasUnendedRun: true }] : []),
        ...open.outbox.map((row) => ({ ...idle, outbox: [row] })),
      ].map((part) => nextAlarm(part, now, lease) ?? Infinity);
      expect(at).toBe(parts.length === 0 ? null : Math.min(...parts));
      expect(at ?? Infinity).toBeGreaterThan(now);
    }),
  );
});
