// How long a run rests whose loop broke off by a fault of the platform. The first time it is taken up by the next
// alarm; a store that is down for longer gets more time with each loop that it breaks off, so that the run's ten
// recoveries outlast half an hour of it and not two minutes. Kept in memory: an evicted object begins anew.

export interface LoopRest {
  readonly ordinal: number;
  /** Loops broken off in a row, with nothing written between them. */
  readonly times: number;
  /** Milliseconds since the epoch; the first alarm after it ends the rest. */
  readonly untilMs: number;
  readonly isResting: boolean;
}

const maxRestMs = 300_000;

export function nextRest(
  earlier: LoopRest | null,
  ordinal: number,
  { nowMs, leaseMs }: { readonly nowMs: number; readonly leaseMs: number },
): LoopRest {
  const times = earlier?.ordinal === ordinal ? earlier.times + 1 : 1;
  const restMs = Math.min(maxRestMs, leaseMs * (2 ** (times - 1) - 1));
  return { ordinal, times, untilMs: nowMs + restMs, isResting: true };
}
