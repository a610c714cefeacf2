import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LeaseQueue, type Slot } from "../../src/tools/python-coder/lease-queue.ts";

function leased(slot: Slot | null): Slot {
  if (slot === null) {
    throw new Error("there was no slot");
  }
  return slot;
}

describe("the lease queue", () => {
  test("gives each run an interpreter of its own while there are fresh ones", () => {
    const queue = new LeaseQueue(2);
    expect(queue.request("t1", "a")).toEqual({ index: 0, generation: 0 });
    expect(queue.request("t2", "b")).toEqual({ index: 1, generation: 0 });
  });

  test("gives a run that comes back the interpreter that knows it", () => {
    const queue = new LeaseQueue(3);
    const a = leased(queue.request("t1", "a"));
    const b = leased(queue.request("t2", "b"));
    queue.release(a, "keep");
    queue.release(b, "keep");
    expect(queue.request("t3", "b")).toEqual(b);
    expect(queue.request("t4", "a")).toEqual(a);
  });

  test("takes over the interpreter that has been idle longest", () => {
    const queue = new LeaseQueue(2);
    const a = leased(queue.request("t1", "a"));
    const b = leased(queue.request("t2", "b"));
    queue.release(b, "keep");
    queue.release(a, "keep");
    expect(queue.request("t3", "c")).toEqual(b);
  });

  test("lets callers wait in order when all are busy", () => {
    const queue = new LeaseQueue(1);
    const a = leased(queue.request("t1", "a"));
    expect(queue.request("t2", "b")).toBeNull();
    expect(queue.request("t3", "c")).toBeNull();
    expect(queue.release(a, "keep")).toEqual([{ ticket: "t2", slot: a }]);
    expect(queue.release(a, "keep")).toEqual([{ ticket: "t3", slot: a }]);
    expect(queue.release(a, "keep")).toEqual([]);
  });

  test("lets a run wait for its own interpreter though another is idle", () => {
    const queue = new LeaseQueue(2);
    const a = leased(queue.request("t1", "a"));
    expect(queue.request("t2", "a")).toBeNull();
    expect(queue.request("t3", "b")).toEqual({ index: 1, generation: 0 });
    expect(queue.release(a, "keep")).toEqual([{ ticket: "t2", slot: a }]);
  });

  test("goes on where an earlier queue over the same isolates gave names up", () => {
    const earlier = new LeaseQueue(2);
    earlier.release(leased(earlier.request("t1", "a")), "abandon");
    expect(earlier.generations).toEqual([1, 0]);
    const queue = new LeaseQueue(3, earlier.generations);
    expect(["x", "y", "z"].map((run) => queue.request(run, run)?.generation)).toEqual([1, 0, 0]);
  });

  test("gives up an abandoned isolate's name", () => {
    const queue = new LeaseQueue(1);
    const a = leased(queue.request("t1", "a"));
    queue.release(a, "abandon");
    expect(queue.request("t2", "a")).toEqual({ index: 0, generation: 1 });
  });

  test("moves a lease to a new isolate", () => {
    const queue = new LeaseQueue(1);
    const renewed = queue.renew(leased(queue.request("t1", "a")));
    expect(renewed).toEqual({ index: 0, generation: 1 });
    queue.release(renewed, "keep");
    expect(queue.request("t2", "a")).toEqual(renewed);
  });

  test("forgets a caller that withdraws", () => {
    const queue = new LeaseQueue(1);
    const a = leased(queue.request("t1", "a"));
    queue.request("t2", "b");
    expect(queue.withdraw("t2")).toBe(true);
    expect(queue.withdraw("t2")).toBe(false);
    expect(queue.release(a, "keep")).toEqual([]);
  });

  test("refuses to take back what is not leased", () => {
    const queue = new LeaseQueue(1);
    const a = leased(queue.request("t1", "a"));
    queue.release(a, "abandon");
    expect(() => queue.release(a, "keep")).toThrow("not leased");
  });
});

test("no slot and no run is ever served twice at once, and everybody is served", () => {
  const step = fc.record({ run: fc.integer({ min: 0, max: 4 }), releaseFirst: fc.boolean(), abandon: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
      const queue = new LeaseQueue(size);
      const runOf = new Map<string, string>();
      const active = new Map<string, Slot>();
      const grant = (ticket: string, slot: Slot): void => {
        const runs = [...active.keys()].map((other) => runOf.get(other));
        expect([...active.values()].map((other) => other.index)).not.toContain(slot.index);
        expect(runs).not.toContain(runOf.get(ticket));
        active.set(ticket, slot);
      };
      const releaseOne = (fate: "keep" | "abandon"): void => {
        const [first] = active;
        if (first !== undefined) {
          active.delete(first[0]);
          queue.release(first[1], fate).forEach((granted) => grant(granted.ticket, granted.slot));
        }
      };
      for (const [at, { run, releaseFirst, abandon }] of steps.entries()) {
        if (releaseFirst) {
          releaseOne(abandon ? "abandon" : "keep");
        }
        runOf.set(`t${at}`, `run${run}`);
        const slot = queue.request(`t${at}`, `run${run}`);
        if (slot !== null) {
          grant(`t${at}`, slot);
        }
      }
      while (active.size > 0) {
        releaseOne("keep");
      }
      expect(queue.waiting).toBe(0);
    }),
  );
});
