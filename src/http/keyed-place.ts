// Where an `Idempotency-Key` leads: to what an earlier request has made under it, or to the id of what this one makes.
// The id is a function of the key, so that a retry finds it wherever it comes in.

import { keyLifetimeMs } from "../lib/key-lifetime.ts";

export interface KeyedPlace<T> {
  readonly id: string;
  /** What an earlier request with the key has made. */
  readonly earlier: T | null;
}

export interface Places<T> {
  readonly idOf: (seed: string) => Promise<string>;
  readonly find: (id: string) => Promise<T | null>;
  /** RFC 3339. */
  readonly madeAt: (made: T) => string;
}

/** The id that any retry with this key finds; after its 24 hours the key stands for another. */
export async function keyedPlace<T>(firstSeed: string, places: Places<T>, nowMs: number): Promise<KeyedPlace<T>> {
  for (let seed = firstSeed; ;) {
    const id = await places.idOf(seed);
    const earlier = await places.find(id);
    if (earlier === null || Date.parse(places.madeAt(earlier)) + keyLifetimeMs > nowMs) {
      return { id, earlier };
    }
    seed = `later\n${id}`;
  }
}
