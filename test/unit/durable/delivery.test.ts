import { expect, test } from "vitest";
import { Delivery } from "../../../durable-objects/delivery.ts";

/** A delivery whose passes end when they are told to. */
function held() {
  const log: string[] = [];
  const passes: PromiseWithResolvers<void>[] = [];
  const tasks: Promise<unknown>[] = [];
  const delivery = new Delivery({
    pass: () => {
      log.push("pass");
      const pass = Promise.withResolvers<void>();
      passes.push(pass);
      return pass.promise;
    },
    settled: async () => {
      log.push("settled");
    },
    waitUntil: (promise) => {
      tasks.push(promise.catch(() => undefined));
    },
  });
  const begun = async (count: number): Promise<PromiseWithResolvers<void>> => {
    while (passes.length < count) {
      await Promise.resolve();
    }
    const [pass] = passes.slice(count - 1);
    if (pass === undefined) {
      throw new Error(`pass ${count} never began`);
    }
    return pass;
  };
  return { delivery, log, passes, tasks, begun };
}

test("begins after the change that asked for it is complete", () => {
  const { delivery, log } = held();
  delivery.start();
  expect(log).toEqual([]);
});

test("any number of calls during a pass ask for one more pass, after it", async () => {
  const { delivery, log, begun, tasks } = held();
  delivery.start();
  const first = await begun(1);
  delivery.start();
  delivery.start();
  delivery.start();
  expect(log).toEqual(["pass"]);
  first.resolve();
  (await begun(2)).resolve();
  await delivery.idle();
  expect(log).toEqual(["pass", "settled", "pass", "settled"]);
  expect(tasks).toHaveLength(1);
});

test("a call while the pass is being settled is not lost", async () => {
  const log: string[] = [];
  const delivery: Delivery = new Delivery({
    pass: async () => {
      log.push("pass");
    },
    settled: async () => {
      if (log.length === 1) {
        delivery.start();
      }
    },
    waitUntil: () => undefined,
  });
  delivery.start();
  await delivery.idle();
  expect(log).toEqual(["pass", "pass"]);
});

test("a fault ends the pass and is seen by who waits; the next call delivers again", async () => {
  const { delivery, begun, passes } = held();
  delivery.start();
  const first = await begun(1);
  const idle = delivery.idle();
  first.reject(new Error("storage is gone"));
  await expect(idle).rejects.toThrow("storage is gone");
  delivery.start();
  (await begun(2)).resolve();
  await delivery.idle();
  expect(passes).toHaveLength(2);
});
