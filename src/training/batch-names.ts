// Names and seeds of a batch's parts, each a hash of what it belongs to: asking twice for the same rollout reaches the
// same session, and the same seed plays the same tasks again. No randomness and no counters.

import { hashedId, hashedSessionId, runIdOf } from "../lib/ids.ts";
import { sha256 } from "../lib/sha256.ts";

/** One rollout of a group; `attempt` counts from 1. */
export interface RolloutPlace {
  readonly taskId: string;
  readonly rolloutIndex: number;
  readonly attempt: number;
}

export interface RolloutName {
  readonly sessionId: string;
  readonly runId: string;
}

// A task's id may hold anything that prints, so that the parts are joined by what cannot stand in one.
function hashOf(...parts: readonly (string | number)[]): Promise<Uint8Array> {
  return sha256(parts.join("\n"));
}

export async function groupIdOf(batchId: string, taskId: string): Promise<string> {
  return hashedId("grp", await hashOf("group", batchId, taskId));
}

/** Each attempt has a session of its own, and there its first run. */
export async function rolloutNameOf(batchId: string, place: RolloutPlace): Promise<RolloutName> {
  const { taskId, rolloutIndex, attempt } = place;
  const sessionId = hashedSessionId(await hashOf("rollout", batchId, taskId, rolloutIndex, attempt));
  return { sessionId, runId: runIdOf(sessionId, 1) };
}

/** For batches that name no seed: their own, so that a batch can be played again by its seed alone. */
export async function defaultSeedOf(batchId: string): Promise<number> {
  return toSeed(await hashOf("seed", batchId));
}

/** Of a rollout's planner, who mixes in the turn. An attempt is a repeat, not another sample: it has no part in it. */
export async function rolloutSeedOf(batchSeed: number, taskId: string, rolloutIndex: number): Promise<number> {
  return toSeed(await hashOf("planner", batchSeed, taskId, rolloutIndex));
}

/** 48 bits: a non-negative whole number that every JSON reader keeps exact. */
function toSeed(hash: Uint8Array): number {
  return hash.slice(0, 6).reduce((seed, byte) => seed * 256 + byte, 0);
}
