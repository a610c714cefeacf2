// The rollouts of a batch in its SQLite, one row an attempt, made when the attempt is planned to start. A row is `due`
// (a repeat that waits), `running` (from the moment its start is decided), `ended`, or `redone` (ended, and another
// attempt took its place).

import * as z from "zod";
import type { TokenUsage } from "../src/engines/engine.ts";
import type { BatchCounts } from "../src/training/batch-object.ts";
import { finalInvalidReason, type GroupPlace } from "../src/training/batch-plan.ts";
import type { RolloutReport } from "./batch-api.ts";
import type { BatchStorage } from "./batch-schema.ts";

/** Where a rollout stands in its batch. */
export interface RolloutSlot {
  readonly taskIndex: number;
  readonly rolloutIndex: number;
  /** From 1. */
  readonly attempt: number;
}

export const RolloutRow = z.object({
  task_index: z.int(),
  rollout_index: z.int(),
  attempt: z.int(),
  run_id: z.string().nullable(),
  state: z.enum(["due", "running", "ended", "redone"]),
  invalid_reason: z.string().nullable(),
  reward: z.number().nullable(),
  is_pending: z.int(),
  gave_up: z.int(),
});
export type RolloutRow = z.infer<typeof RolloutRow>;

const columns = "task_index, rollout_index, attempt, run_id, state, invalid_reason, reward, is_pending, gave_up";
const isValid = "state = 'ended' AND final_reason IS NULL AND reward IS NOT NULL";

const Totals = z.object({
  due: z.int(),
  running: z.int(),
  redone: z.int(),
  valid: z.int(),
  pending: z.int(),
  mean_reward: z.number().nullable(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
});

const ReasonRow = z.object({ final_reason: z.string(), count: z.int() });

export type RolloutTotals = Pick<BatchCounts, "running" | "valid" | "invalid" | "rewards_pending" | "redone"> & {
  readonly due: number;
  readonly mean_reward: number | null;
  readonly usage: TokenUsage;
};

/** What a late reward, or the reason for none, changes in a row. */
export interface RewardChange {
  readonly reward: number | null;
  readonly isPending: boolean;
  readonly gaveUp: boolean;
}

export class BatchRollouts {
  readonly #sql: BatchStorage["sql"];

  constructor({ sql }: BatchStorage) {
    this.#sql = sql;
  }

  #rows(query: string, ...bindings: (string | number)[]): RolloutRow[] {
    return this.#sql
      .exec(`SELECT ${columns} FROM rollouts ${query}`, ...bindings)
      .toArray()
      .map((row) => RolloutRow.parse(row));
  }

  findByRun(runId: string): RolloutRow | null {
    return this.#rows("WHERE run_id = ?", runId)[0] ?? null;
  }

  /** Repeats that wait, oldest place first. */
  due(limit: number): RolloutRow[] {
    return this.#rows("WHERE state = 'due' ORDER BY task_index, rollout_index LIMIT ?", limit);
  }

  running(): RolloutRow[] {
    return this.#rows("WHERE state = 'running' ORDER BY task_index, rollout_index");
  }

  runningCount(): number {
    return Number(this.#sql.exec("SELECT count(*) AS count FROM rollouts WHERE state = 'running'").one()["count"]);
  }

  addDue({ taskIndex, rolloutIndex, attempt }: RolloutSlot): void {
    this.#sql.exec(
      "INSERT INTO rollouts (task_index, rollout_index, attempt, state) VALUES (?, ?, ?, 'due')",
      taskIndex,
      rolloutIndex,
      attempt,
    );
  }

  setRunning({ taskIndex, rolloutIndex, attempt }: RolloutSlot, runId: string): void {
    this.#sql.exec(
      `INSERT INTO rollouts (task_index, rollout_index, attempt, run_id, state) VALUES (?, ?, ?, ?, 'running')
       ON CONFLICT (task_index, rollout_index, attempt) DO UPDATE SET run_id = excluded.run_id, state = 'running'`,
      taskIndex,
      rolloutIndex,
      attempt,
      runId,
    );
  }

  setEnded(row: RolloutRow, report: RolloutReport, reward: RewardChange, state: "ended" | "redone"): void {
    this.#sql.exec(
      `UPDATE rollouts SET state = ?, status = ?, invalid_reason = ?, turns = ?, prompt_tokens = ?,
         completion_tokens = ? WHERE run_id = ?`,
      state,
      report.status,
      report.invalidReason,
      report.turns,
      report.promptTokens,
      report.completionTokens,
      row.run_id,
    );
    this.setReward(row, report.invalidReason, reward);
  }

  setReward({ run_id }: RolloutRow, invalidReason: string | null, { reward, isPending, gaveUp }: RewardChange): void {
    this.#sql.exec(
      "UPDATE rollouts SET reward = ?, is_pending = ?, gave_up = ?, final_reason = ? WHERE run_id = ?",
      reward,
      Number(isPending),
      Number(gaveUp),
      finalInvalidReason({ invalidReason, reward, isRewardPending: isPending, gaveUp }),
      run_id,
    );
  }

  /** Each place of a group that has been started, by its newest attempt. */
  groupPlaces(taskIndex: number): GroupPlace[] {
    return this.#rows("WHERE task_index = ? AND state <> 'redone'", taskIndex).map((row) => ({
      state: row.state === "redone" ? "ended" : row.state,
      invalidReason: row.invalid_reason,
      isRewardPending: row.is_pending === 1,
    }));
  }

  groupRewards(taskIndex: number): { valid: number; mean_reward: number | null } {
    const query = `SELECT count(*) AS valid, avg(reward) AS mean_reward FROM rollouts WHERE task_index = ? AND ${isValid}`;
    const row = this.#sql.exec(query, taskIndex).one();
    return {
      valid: Number(row["valid"]),
      mean_reward: typeof row["mean_reward"] === "number" ? row["mean_reward"] : null,
    };
  }

  /** Reads every row; asked for by people who look, and once at the end. */
  totals(): RolloutTotals {
    const row = this.#sql
      .exec(
        `SELECT count(*) FILTER (WHERE state = 'due') AS due, count(*) FILTER (WHERE state = 'running') AS running,
           count(*) FILTER (WHERE state = 'redone') AS redone, count(*) FILTER (WHERE ${isValid}) AS valid,
           count(*) FILTER (WHERE state = 'ended' AND is_pending = 1) AS pending,
           avg(reward) FILTER (WHERE ${isValid}) AS mean_reward,
           coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
           coalesce(sum(completion_tokens), 0) AS completion_tokens FROM rollouts`,
      )
      .one();
    const { due, running, redone, valid, pending, mean_reward, ...usage } = Totals.parse(row);
    return { due, running, redone, valid, rewards_pending: pending, invalid: this.#invalid(), mean_reward, usage };
  }

  #invalid(): Record<string, number> {
    const rows = this.#sql
      .exec(
        `SELECT final_reason, count(*) AS count FROM rollouts WHERE state = 'ended' AND final_reason IS NOT NULL
         GROUP BY final_reason ORDER BY final_reason`,
      )
      .toArray();
    const reasons = rows.map((row) => ReasonRow.parse(row));
    return Object.fromEntries(reasons.map(({ final_reason, count }) => [final_reason, count]));
  }
}
