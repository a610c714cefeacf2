// Ids: sortable by time, a run's names its session, and what is no id is refused.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  hashedSessionId,
  type IdSource,
  isSessionId,
  newSessionId,
  runIdOf,
  sessionOfRun,
} from "../../../src/lib/ids.ts";

const latestMs = 2 ** 48 - 1;
const randomness = fc.uint8Array({ minLength: 16, maxLength: 16 });

function source(nowMs: number, noise: Uint8Array): IdSource {
  return {
    now: () => nowMs,
    random: (bytes) => {
      bytes.set(noise.subarray(0, bytes.length));
      return bytes;
    },
  };
}

describe("a session's id", () => {
  it("sorts by its time, whatever its random bits", () => {
    const time = fc.integer({ min: 0, max: latestMs });
    fc.assert(
      fc.property(time, time, randomness, randomness, (one, other, noise, otherNoise) => {
        fc.pre(one !== other);
        const [early, late] = one < other ? [one, other] : [other, one];
        const first = newSessionId(source(early, noise));
        const second = newSessionId(source(late, otherNoise));
        expect(first < second).toBe(true);
        expect(isSessionId(first) && isSessionId(second)).toBe(true);
      }),
    );
  });

  it("differs in all 80 random bits", () => {
    const zero = newSessionId(source(1_767_225_600_000, new Uint8Array(16)));
    const seen = new Set([zero]);
    for (let bit = 48; bit < 128; bit += 1) {
      const noise = new Uint8Array(16);
      noise[bit >> 3] = 1 << (bit & 7);
      seen.add(newSessionId(source(1_767_225_600_000, noise)));
    }
    expect(seen.size).toBe(81);
    expect(zero).toBe("ses_01kdvdna000000000000000000");
  });

  it("is right where the random bytes are a view into a larger buffer", () => {
    const pool = new Uint8Array(64).fill(7);
    const viewed = newSessionId({ now: () => 1_767_225_600_000, random: () => pool.subarray(32, 48) });
    expect(viewed).toBe(newSessionId(source(1_767_225_600_000, new Uint8Array(16).fill(7))));
  });

  it("from a hash is the hash's, and the same each time", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (hash) => {
        const id = hashedSessionId(hash);
        expect(isSessionId(id)).toBe(true);
        expect(hashedSessionId(Uint8Array.from(hash))).toBe(id);
        const other = Uint8Array.from(hash, (byte, index) => (index === 15 ? byte ^ 1 : byte));
        expect(hashedSessionId(other)).not.toBe(id);
      }),
    );
  });
});

describe("a run's id", () => {
  it("leads back to its session", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: latestMs }),
        randomness,
        fc.integer({ min: 1, max: 999_999_999 }),
        (ms, noise, ordinal) => {
          const session = newSessionId(source(ms, noise));
          expect(sessionOfRun(runIdOf(session, ordinal))).toBe(session);
        },
      ),
    );
  });

  it("sorts by its place in the session, up to 9,999", () => {
    const session = newSessionId(source(0, new Uint8Array(16)));
    const ids = [1, 2, 9, 10, 99, 100, 9999].map((ordinal) => runIdOf(session, ordinal));
    expect(ids.toSorted()).toEqual(ids);
  });
});

describe("rubbish", () => {
  const session = "ses_01kdvdna000000000000000000";

  it.each([
    "",
    "ses_",
    "ses_01kdvdna00000000000000000",
    `${session}0`,
    session.toUpperCase(),
    session.replace("ses_", "run_"),
    session.replace("k", "u"),
    `${session}\n`,
    ` ${session}`,
    "ses_../../../../../../../../..",
  ])("%j is no session's id", (id) => {
    expect(isSessionId(id)).toBe(false);
  });

  it.each([
    "",
    "run_",
    session,
    "run_01kdvdna000000000000000000",
    "run_01kdvdna000000000000000000_",
    "run_01kdvdna000000000000000000_1",
    "run_01kdvdna000000000000000000_00001x",
    "run_01kdvdna000000000000000000_-001",
    "run_01kdvdna000000000000000000_1234567890",
    "run_01kdvdna000000000000000000_0001\n",
    "run_01KDVDNA000000000000000000_0001",
  ])("%j is no run's id", (id) => {
    expect(sessionOfRun(id)).toBeNull();
  });

  it("of any kind is refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (id) => {
        expect(isSessionId(id)).toBe(false);
        expect(sessionOfRun(id)).toBeNull();
      }),
    );
  });
});
