// Where calls wait for an interpreter: the lease queue with its promises and a bound on the wait. It runs nothing; a
// caller that was served must release its slot, and one that waited too long or left never had one.

import type { Clock } from "../../engines/clock.ts";
import type { LeaseQueue, Slot } from "./lease-queue.ts";
import { maxQueueMs } from "./python-sandbox.ts";

/** `withdrawn`: the caller left the queue. `busy`: no interpreter came free in time. */
export type Lease = Slot | "withdrawn" | "busy";

export class WaitingRoom {
  readonly #leases: LeaseQueue;
  readonly #clock: Pick<Clock, "sleep">;
  readonly #waiting = new Map<string, (lease: Lease) => void>();

  constructor(leases: LeaseQueue, clock: Pick<Clock, "sleep">) {
    this.#leases = leases;
    this.#clock = clock;
  }

  /** A slot at once, or a promise for whoever has to wait. */
  enter(ticket: string, runId: string): Slot | Promise<Lease> {
    return this.#leases.request(ticket, runId) ?? this.#wait(ticket);
  }

  async #wait(ticket: string): Promise<Lease> {
    const { promise, resolve } = Promise.withResolvers<Lease>();
    this.#waiting.set(ticket, resolve);
    const served = new AbortController();
    const watch = async () => {
      await this.#clock.sleep(maxQueueMs, served.signal);
      this.#leave(ticket, "busy");
    };
    void watch();
    try {
      return await promise;
    } finally {
      served.abort("served");
    }
  }

  withdraw(ticket: string): void {
    this.#leave(ticket, "withdrawn");
  }

  /** Hands a slot back, and on to whoever waited for it. */
  release(slot: Slot, fate: "keep" | "abandon"): void {
    for (const grant of this.#leases.release(slot, fate)) {
      this.#serve(grant.ticket, grant.slot);
    }
  }

  /** Does nothing for a ticket that waits no longer. */
  #leave(ticket: string, how: "withdrawn" | "busy"): void {
    if (this.#leases.withdraw(ticket)) {
      this.#serve(ticket, how);
    }
  }

  #serve(ticket: string, lease: Lease): void {
    this.#waiting.get(ticket)?.(lease);
    this.#waiting.delete(ticket);
  }
}
