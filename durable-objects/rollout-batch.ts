// A batch of rollouts: which tasks it has, which rollouts run, and which groups are complete. A thin shell: RPC
// methods and an alarm that call plain functions. It never loads all its tasks.

import { DurableObject } from "cloudflare:workers";
import { createClock } from "../src/engines/clock.ts";
import type { Env } from "../src/env.ts";
import { createBatchLedger } from "../src/store/batches.ts";
import type { AddTasks, BatchApi, BatchReports, CreateBatch, RewardReport, RolloutReport } from "./batch-api.ts";
import { BatchWork } from "./batch-work.ts";
import { leaseMsOf } from "./lease.ts";
import { warn } from "./warn.ts";

export class RolloutBatch extends DurableObject<Env> implements BatchApi, BatchReports {
  readonly #work: BatchWork;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#work = new BatchWork({
      storage: ctx.storage,
      sessions: (tenant, sessionId) => env.SESSION.getByName(`${tenant}/${sessionId}`),
      ledger: createBatchLedger(env.DB),
      clock: createClock(() => Date.now()),
      leaseMs: leaseMsOf(env),
      waitUntil: (promise) => {
        ctx.waitUntil(promise);
      },
      warn,
    });
  }

  addTasks(input: AddTasks) {
    return this.#work.addTasks(input);
  }

  createBatch(input: CreateBatch) {
    return this.#work.createBatch(input);
  }

  dropTasks(upload: string) {
    return this.#work.dropTasks(upload);
  }

  getBatch() {
    return this.#work.getBatch();
  }

  readEvents(after: number, limit: number) {
    return this.#work.readEvents(after, limit);
  }

  streamEvents(after: number) {
    return this.#work.streamEvents(after);
  }

  cancelBatch() {
    return this.#work.cancelBatch();
  }

  wake() {
    return this.#work.wake();
  }

  rolloutEnded(report: RolloutReport) {
    return this.#work.rolloutEnded(report);
  }

  rewardRecorded(report: RewardReport) {
    return this.#work.rewardRecorded(report);
  }

  override alarm() {
    return this.#work.alarm();
  }
}
