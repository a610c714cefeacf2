// Which interpreter serves which run: the pool's policy without any I/O. A run keeps its interpreter while nobody else
// needs it; the least recently used idle one is taken over; when all are busy callers wait in order. A run never has
// two interpreters at work.

export interface Slot {
  readonly index: number;
  /** Rises when the isolate behind the slot is given up. */
  readonly generation: number;
}

export interface Grant {
  readonly ticket: string;
  readonly slot: Slot;
}

interface SlotState {
  index: number;
  generation: number;
  /** The run whose programs it ran last; null when fresh. */
  runId: string | null;
  isBusy: boolean;
  /** Rises with each release, so that the smallest is the least recently used; 0 when fresh. */
  lastUse: number;
}

interface Waiter {
  readonly ticket: string;
  readonly runId: string;
}

export class LeaseQueue {
  readonly #slots: SlotState[];
  #waiting: Waiter[] = [];
  #uses = 0;

  /** `generations`: those of an earlier queue over the same isolates; a slot without one begins at 0. */
  constructor(size: number, generations: readonly number[] = []) {
    this.#slots = Array.from({ length: size }, (_, index) => ({
      index,
      generation: generations[index] ?? 0,
      runId: null,
      isBusy: false,
      lastUse: 0,
    }));
  }

  get generations(): number[] {
    return this.#slots.map((slot) => slot.generation);
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** A slot at once, or null and a place in the queue: `release` grants it later. */
  request(ticket: string, runId: string): Slot | null {
    const slot = this.#slotFor(runId);
    if (slot === null) {
      this.#waiting.push({ ticket, runId });
      return null;
    }
    return this.#lease(slot, runId);
  }

  /** Takes a slot back and hands out what that makes possible. `abandon`: its isolate is given up. */
  release(slot: Slot, fate: "keep" | "abandon"): Grant[] {
    const state = this.#leased(slot);
    state.isBusy = false;
    this.#uses += 1;
    state.lastUse = this.#uses;
    if (fate === "abandon") {
      state.generation += 1;
      state.runId = null;
      state.lastUse = 0;
    }
    return this.#grantWaiting();
  }

  /** The same lease on a new isolate, where the old one is spoilt. */
  renew(slot: Slot): Slot {
    const state = this.#leased(slot);
    state.generation += 1;
    return { index: state.index, generation: state.generation };
  }

  /** Leaves the queue; false when the ticket no longer waits. */
  withdraw(ticket: string): boolean {
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter((waiter) => waiter.ticket !== ticket);
    return this.#waiting.length < before;
  }

  #leased(slot: Slot): SlotState {
    const state = this.#slots[slot.index];
    if (state === undefined || !state.isBusy || state.generation !== slot.generation) {
      throw new Error(`slot ${slot.index}/${slot.generation} is not leased`);
    }
    return state;
  }

  #grantWaiting(): Grant[] {
    const grants: Grant[] = [];
    for (const waiter of this.#waiting) {
      const slot = this.#slotFor(waiter.runId);
      if (slot !== null) {
        this.withdraw(waiter.ticket);
        grants.push({ ticket: waiter.ticket, slot: this.#lease(slot, waiter.runId) });
      }
    }
    return grants;
  }

  #slotFor(runId: string): SlotState | null {
    const own = this.#slots.find((slot) => slot.runId === runId);
    if (own !== undefined) {
      return own.isBusy ? null : own;
    }
    const idle = this.#slots.filter((slot) => !slot.isBusy);
    return idle.reduce<SlotState | null>((best, slot) => (best && best.lastUse <= slot.lastUse ? best : slot), null);
  }

  #lease(state: SlotState, runId: string): Slot {
    state.isBusy = true;
    state.runId = runId;
    return { index: state.index, generation: state.generation };
  }
}
