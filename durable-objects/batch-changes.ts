// Everything that changes a batch, each in one transaction with the events that report it: creation, starts, ends of
// rollouts, late rewards, and its own end. A report that came before changes nothing.

import { groupStateOf, isRedone } from "../src/training/batch-plan.ts";
import type { NewBatchEvent } from "../src/training/batch-events.ts";
import type { CreateBatch, RewardReport, RolloutReport } from "./batch-api.ts";
import type { RewardChange, RolloutRow, RolloutSlot } from "./batch-rollouts.ts";
import type { BatchStore } from "./batch-store.ts";

type Append = (event: NewBatchEvent) => void;

/** The tasks of the upload become the batch's. */
export function createBatch(store: BatchStore, { spec, last, bodyHash }: CreateBatch, at: string): void {
  store.change((append) => {
    const tasks = last.first + last.tasks.length;
    store.insert({ spec, upload: last.upload, bodyHash, tasks, at });
    store.uploads.taken(last.upload);
    append({
      type: "batch.created",
      tasks,
      planned: tasks * spec.group_size,
      group_size: spec.group_size,
      split: spec.split,
      policy_version: spec.policy.version,
      policy_step: spec.policy.step,
      seed: spec.seed,
    });
  }, at);
}

/** The ledger knows its groups. */
export function startBatch(store: BatchStore, at: string): void {
  store.change((append) => {
    store.setStatus("running", null, null);
    append({ type: "batch.started" });
  }, at);
}

export interface NamedSlot {
  readonly slot: RolloutSlot;
  readonly runId: string;
}

/** From now on these run; false, and nothing, once the batch has ended. */
export function reserve(store: BatchStore, named: readonly NamedSlot[], at: string): boolean {
  const { status, position } = store.get();
  if (status !== "running") {
    return false;
  }
  store.change(() => {
    for (const { slot, runId } of named) {
      store.rollouts.setRunning(slot, runId);
    }
    const fresh = named.filter(({ slot }) => slot.attempt === 1).length;
    if (fresh > 0) {
      store.update("position", position + fresh);
    }
  }, at);
  return true;
}

/** False for a run that is not this batch's or whose end is known. */
export function noteEnded(store: BatchStore, report: RolloutReport, at: string): boolean {
  const row = store.find() === null ? null : store.rollouts.findByRun(report.runId);
  if (row?.state !== "running") {
    return false;
  }
  store.change((append) => {
    const isRunning = store.get().status === "running";
    const redone = isRunning && isRedone(report.invalidReason, row.attempt);
    const reward = rewardAtEnd(row, report);
    store.rollouts.setEnded(row, report, reward, redone ? "redone" : "ended");
    if (redone) {
      const { task_index: taskIndex, rollout_index: rolloutIndex } = row;
      store.rollouts.addDue({ taskIndex, rolloutIndex, attempt: row.attempt + 1 });
    } else {
      store.update("ended", store.get().ended + 1);
    }
    if (isRunning) {
      append(rolloutEnded(store, row, report, reward, redone));
    }
    closeIfDone(store, row.task_index, append);
  }, at);
  return true;
}

/** A late reward may have overtaken the report of its run's end. */
function rewardAtEnd(row: RolloutRow, report: RolloutReport): RewardChange {
  if (row.reward !== null || row.gave_up === 1) {
    return { reward: row.reward ?? report.reward, isPending: false, gaveUp: row.gave_up === 1 };
  }
  return { reward: report.reward, isPending: report.isRewardPending, gaveUp: false };
}

function rolloutEnded(
  store: BatchStore,
  row: RolloutRow,
  report: RolloutReport,
  { reward, isPending }: RewardChange,
  redone: boolean,
): NewBatchEvent {
  const group = store.groups().at(row.task_index);
  return {
    type: "rollout.ended",
    run_id: report.runId,
    group_id: group.group_id,
    task_id: group.task_id,
    rollout_index: row.rollout_index,
    rollout_attempt: row.attempt,
    status: report.status,
    reward,
    reward_pending: isPending,
    invalid_reason: report.invalidReason,
    redone,
    turns: report.turns,
  };
}

function closeIfDone(store: BatchStore, taskIndex: number, append: Append): void {
  const { spec, status } = store.get();
  const groups = store.groups();
  const group = groups.at(taskIndex);
  const state = groupStateOf(store.rollouts.groupPlaces(taskIndex), spec.group_size);
  if (state === "open" || group.group_state !== "open") {
    return;
  }
  groups.close(taskIndex, state);
  // After the terminal event a group that waited for a late reward still closes, but the log says no more.
  if (state === "complete" && status === "running") {
    const { group_id, task_id } = group;
    append({ type: "group.completed", group_id, task_id, ...store.rollouts.groupRewards(taskIndex) });
  }
}

/** The newest reward is in force; one that was given up leaves the one before. */
export function noteReward(store: BatchStore, { runId, reward }: RewardReport, at: string): boolean {
  const row = store.find() === null ? null : store.rollouts.findByRun(runId);
  if (row === null) {
    return false;
  }
  store.change((append) => {
    const gaveUp = reward === null || row.gave_up === 1;
    store.rollouts.setReward(row, row.invalid_reason, { reward: reward ?? row.reward, isPending: false, gaveUp });
    closeIfDone(store, row.task_index, append);
  }, at);
  return true;
}

/** All rollouts have ended for good and the ledger knows every closed group. */
export function completeIfDone(store: BatchStore, at: string): boolean {
  const { status, ended, tasks, spec } = store.get();
  if (status !== "running" || ended < tasks * spec.group_size || store.groups().untoldCount() > 0) {
    return false;
  }
  store.change((append) => {
    store.setStatus("completed", at, null);
    const { counts, mean_reward } = store.counts();
    append({ type: "batch.completed", counts, mean_reward });
  }, at);
  return true;
}

/** False where it has ended already. What runs is cancelled afterwards; nothing starts any more. */
export function cancelBatch(store: BatchStore, at: string): boolean {
  if (store.get().ended_at !== null) {
    return false;
  }
  store.change((append) => {
    store.setStatus("cancelled", at, null);
    const { counts, mean_reward } = store.counts();
    append({ type: "batch.cancelled", counts, mean_reward });
  }, at);
  return true;
}

/** The batch cannot go on. */
export function failBatch(store: BatchStore, problem: { code: string; detail: string }, at: string): boolean {
  if (store.get().ended_at !== null) {
    return false;
  }
  store.change((append) => {
    store.setStatus("failed", at, problem);
    const { counts, mean_reward } = store.counts();
    append({ type: "batch.failed", counts, mean_reward, problem });
  }, at);
  return true;
}
