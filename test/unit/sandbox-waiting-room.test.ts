// The wait for an interpreter: it ends with a slot, with the caller's leaving, or after a minute.

import { expect, test } from "vitest";
import { LeaseQueue, type Slot } from "../../src/tools/python-coder/lease-queue.ts";
import { maxQueueMs } from "../../src/tools/python-coder/python-sandbox.ts";
import { type Lease, WaitingRoom } from "../../src/tools/python-coder/waiting-room.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

async function fullRoom() {
  const clock = createVirtualClock({ whenIdle: "stay" });
  const leases = new LeaseQueue(1);
  const room = new WaitingRoom(leases, clock);
  return { clock, leases, room, slot: slotOf(await room.enter("t1", "a")) };
}

function slotOf(lease: Lease): Slot {
  if (typeof lease === "string") {
    throw new Error(`no slot: ${lease}`);
  }
  return lease;
}

test("ends when a slot is handed back, and leaves no timer", async () => {
  const { clock, room, slot } = await fullRoom();
  const waiting = room.enter("t2", "b");
  await clock.advance(maxQueueMs - 1);
  room.release(slot, "keep");
  expect(await waiting).toEqual(slot);
  expect(clock.sleeping).toBe(0);
});

test("ends as busy after a minute, and a slot that comes free then goes to the next in the queue", async () => {
  const { clock, leases, room, slot } = await fullRoom();
  const impatient = room.enter("t2", "b");
  await clock.advance(maxQueueMs / 2);
  const later = room.enter("t3", "c");
  await clock.advance(maxQueueMs / 2);
  expect(await impatient).toBe("busy");
  room.release(slot, "keep");
  expect([await later, leases.waiting, clock.sleeping]).toEqual([slot, 0, 0]);
});

test("ends when the caller leaves; leaving twice, or with a slot, does nothing", async () => {
  const { clock, room, slot } = await fullRoom();
  const waiting = room.enter("t2", "b");
  room.withdraw("t2");
  room.withdraw("t2");
  room.withdraw("t1");
  expect([await waiting, clock.sleeping]).toEqual(["withdrawn", 0]);
  room.release(slot, "abandon");
  expect(await room.enter("t3", "c")).toEqual({ index: 0, generation: 1 });
});
