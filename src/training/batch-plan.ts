// What a batch does next, as pure functions: which rollout a number in the plan means, what an ended rollout leads to,
// and when a group is closed. The order is group by group, so that groups are complete early and a cancelled batch
// leaves few halves.

import { unreachable } from "../lib/unreachable.ts";

export const maxTasks = 10_000;
/** Rows of one object's SQLite and of one group query stay easy to handle; ten thousand groups of ten fit. */
export const maxRollouts = 100_000;
export const maxGroupSize = 256;
export const maxConcurrency = 256;

/** A rollout that the infrastructure broke is redone twice. */
export const maxAttempts = 3;

export interface PlannedRollout {
  /** From 0, in the order of the tasks. */
  readonly taskIndex: number;
  /** 0 .. G-1. */
  readonly rolloutIndex: number;
}

/** The rollout at `position`, from 0, of a batch's plan. */
export function rolloutAt(position: number, groupSize: number): PlannedRollout {
  return { taskIndex: Math.floor(position / groupSize), rolloutIndex: position % groupSize };
}

/** What an ended rollout means for its place: it stands, or the place is tried again. */
export function isRedone(invalidReason: string | null, attempt: number): boolean {
  return isInfrastructureFailure(invalidReason) && attempt < maxAttempts;
}

function isInfrastructureFailure(invalidReason: string | null): boolean {
  return invalidReason === "engine_failed" || invalidReason === "platform_lost";
}

/** One place of a group, by its newest attempt. */
export interface GroupPlace {
  /** `due`: to be started (again). */
  readonly state: "due" | "running" | "ended";
  readonly invalidReason: string | null;
  readonly isRewardPending: boolean;
}

/** `complete`: each planned rollout ended by itself and has its reward or its reason for none. */
export type GroupState = "open" | "complete" | "incomplete";

/** `places`: those that have been started, at most one for each rollout index. */
export function groupStateOf(places: readonly GroupPlace[], groupSize: number): GroupState {
  if (places.length < groupSize || places.some((place) => !isSettled(place))) {
    return "open";
  }
  return places.some((place) => place.invalidReason === "cancelled") ? "incomplete" : "complete";
}

function isSettled({ state, isRewardPending }: GroupPlace): boolean {
  switch (state) {
    case "due":
    case "running":
      return false;
    case "ended":
      return !isRewardPending;
    default:
      return unreachable(state);
  }
}

/** Why a rollout does not count; null for a valid one and for one whose reward is still owed. */
export function finalInvalidReason(ended: {
  readonly invalidReason: string | null;
  readonly reward: number | null;
  readonly isRewardPending: boolean;
  readonly gaveUp: boolean;
}): string | null {
  if (ended.invalidReason !== null || ended.reward !== null || ended.isRewardPending) {
    return ended.invalidReason;
  }
  return ended.gaveUp ? "judge_failed" : "no_reward";
}
