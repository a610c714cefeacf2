// A small seeded generator (sfc32) for whatever must be random and repeatable: sampling of the offline planner,
// task generators, shuffles. The same seed and stream give the same numbers on every platform. Not for secrets.

export interface Random {
  /** Uniform in [0, 1), 32 bits of it. */
  next(): number;
  /** Uniform whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  /** One of the items; throws on none, which is a bug of the caller. */
  pick<T>(items: readonly T[]): T;
}

/** Mixes one 32-bit word into a state (the finaliser of MurmurHash3), so that near seeds give far streams. */
function mix(state: number, word: number): number {
  let mixed = Math.imul(state ^ word, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** `seed` and `stream` are any whole numbers up to 2^53; different streams of one seed are independent. */
export function createRandom(seed: number, stream = 0): Random {
  let a = 0x9e3779b9;
  for (const word of [seed, Math.floor(seed / 2 ** 32), stream, Math.floor(stream / 2 ** 32)]) {
    a = mix(a + 0x6d2b79f5, word);
  }
  let b = mix(a, 0x243f6a88);
  let c = mix(b, 0xb7e15162);
  let counter = 1;
  const bits = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // sfc32's authors let it run a dozen rounds before its first number.
  for (let round = 0; round < 12; round += 1) {
    bits();
  }
  return withHelpers(() => bits() / 2 ** 32);
}

/** The helpers over any source of uniform numbers, e.g. one that is injected where no seed was given. */
export function withHelpers(next: () => number): Random {
  const whole = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    whole,
    pick: (items) => {
      const item = items[whole(0, items.length - 1)];
      if (item === undefined) {
        throw new Error("pick needs at least one item");
      }
      return item;
    },
  };
}
