import { expect, test, vi } from "vitest";
import { openDeadline } from "../../../src/lib/deadline.ts";

test("ends with a TimeoutError when the time is over", () => {
  vi.useFakeTimers();
  const { signal } = openDeadline(100, null);
  vi.advanceTimersByTime(99);
  expect(signal.aborted).toBe(false);
  vi.advanceTimersByTime(1);
  expect(signal.reason).toMatchObject({ name: "TimeoutError" });
  vi.useRealTimers();
});

test("ends with the caller, and for the caller's reason", () => {
  const caller = new AbortController();
  const deadline = openDeadline(100_000, caller.signal);
  caller.abort(new Error("enough"));
  expect(deadline.signal.reason).toEqual(new Error("enough"));
  expect(openDeadline(100_000, caller.signal).signal.aborted).toBe(true);
  deadline.close();
});

test("leaves no timer behind once it is closed", () => {
  vi.useFakeTimers();
  const deadline = openDeadline(100, new AbortController().signal);
  deadline.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(deadline.signal.aborted).toBe(false);
  vi.useRealTimers();
});
