// What a batch's object does, over ports, so that it also runs in plain Node: it takes in tasks, starts rollouts,
// notes their ends and answers for the whole. It never loads all its tasks, and nothing but its rows is kept.

import type { Clock } from "../src/engines/clock.ts";
import { isBatchTerminal } from "../src/training/batch-events.ts";
import { groupIdOf } from "../src/training/batch-names.ts";
import type { Batch } from "../src/training/batch-object.ts";
import { BatchAlarm, type BatchAlarmStorage } from "./batch-alarm.ts";
import type {
  AddTasks,
  BatchApi,
  BatchEventPage,
  BatchReports,
  BatchStreamOutcome,
  CreateBatch,
  CreateOutcome,
  FoundBatch,
  RewardReport,
  RolloutReport,
} from "./batch-api.ts";
import { cancelBatch, createBatch, failBatch, noteEnded, noteReward } from "./batch-changes.ts";
import { type BatchLedger, deliverBatch } from "./batch-delivery.ts";
import type { BatchStorage } from "./batch-schema.ts";
import { BatchStore } from "./batch-store.ts";
import { UnreadableTaskError } from "./batch-uploads.ts";
import { Delivery } from "./delivery.ts";
import { type RolloutSession, RolloutStarter } from "./rollout-starter.ts";
import { toBatch } from "./to-batch.ts";

export interface BatchHost {
  readonly storage: BatchStorage & BatchAlarmStorage;
  /** A new stub for each call, for a stub may be broken. */
  readonly sessions: (tenant: string, sessionId: string) => RolloutSession;
  readonly ledger: BatchLedger;
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  readonly warn: (message: string, error: unknown) => void;
}

export class BatchWork implements BatchApi, BatchReports {
  readonly #host: BatchHost;
  readonly #store: BatchStore;
  readonly #alarm: BatchAlarm;
  readonly #starter: RolloutStarter;
  readonly #delivery: Delivery;
  /** The alarm's pass leaves no closed group waiting for company. */
  #isThorough = false;
  /** What an earlier incarnation left running has been asked after. */
  #isAwake = false;

  constructor(host: BatchHost) {
    const { storage, sessions, clock, leaseMs, waitUntil, warn } = host;
    const store = new BatchStore(storage);
    this.#host = host;
    this.#store = store;
    this.#alarm = new BatchAlarm({ storage, store, now: clock.now, leaseMs });
    this.#starter = new RolloutStarter({
      store,
      sessions,
      clock,
      waitUntil,
      warn,
      onLost: (report) => {
        this.#ended(report);
      },
      onBroken: (error) => {
        this.#broken(error);
      },
    });
    this.#delivery = new Delivery({
      pass: () => this.#deliver(),
      settled: () => this.#alarm.arm(),
      waitUntil,
    });
  }

  // --- from the HTTP layer

  async addTasks(input: AddTasks): Promise<void> {
    const groupIds = await this.#groupIds(input);
    if (this.#store.find() === null) {
      this.#store.stage(() => {
        this.#store.uploads.add(input, groupIds, this.#host.clock.now());
      });
      await this.#alarm.arm();
    }
  }

  async createBatch(input: CreateBatch): Promise<CreateOutcome> {
    const groupIds = await this.#groupIds(input.last);
    const before = this.#store.find();
    if (before !== null) {
      this.#attend();
      const isSame = before.body_hash === input.bodyHash;
      return isSame ? { kind: "replayed", batch: toBatch(this.#store) } : { kind: "key_reused" };
    }
    this.#store.stage(() => {
      this.#store.uploads.add(input.last, groupIds, this.#host.clock.now());
    });
    if (this.#store.uploads.count(input.last.upload) !== input.last.first + input.last.tasks.length) {
      this.#store.uploads.drop(input.last.upload);
      return { kind: "upload_lost" };
    }
    createBatch(this.#store, input, this.#at());
    await this.#alarm.arm();
    this.#isAwake = true;
    this.#delivery.start();
    return { kind: "created", batch: toBatch(this.#store) };
  }

  async dropTasks(upload: string): Promise<void> {
    if (!this.#store.isEmpty()) {
      this.#store.uploads.drop(upload);
      await this.#alarm.arm();
    }
  }

  async getBatch(): Promise<FoundBatch<Batch>> {
    return this.#found(() => toBatch(this.#store));
  }

  async readEvents(after: number, limit: number): Promise<FoundBatch<BatchEventPage>> {
    return this.#found(() => {
      const read = this.#store.log.read(after, limit + 1);
      const events = read.slice(0, limit);
      const hasMore = read.length > limit;
      const last = events.at(-1);
      const isAtEnd = last === undefined ? this.#store.get().ended_at !== null : isBatchTerminal(last.type);
      return { events, hasMore, ended: !hasMore && isAtEnd };
    });
  }

  async streamEvents(after: number): Promise<BatchStreamOutcome> {
    const isEnded = (): boolean => this.#store.get().ended_at !== null;
    const found = this.#found(() => isEnded() && this.#store.log.read(after, 1).length === 0);
    if (found.kind === "unknown") {
      return found;
    }
    return found.value ? { kind: "drained" } : { kind: "stream", body: this.#store.log.stream(after, isEnded) };
  }

  async cancelBatch(): Promise<FoundBatch<Batch>> {
    return this.#found(() => {
      if (cancelBatch(this.#store, this.#at())) {
        this.#over();
      }
      return toBatch(this.#store);
    });
  }

  async wake(): Promise<void> {
    await this.#alarm.arm();
    if (this.#store.find() !== null) {
      this.#attend();
      this.#delivery.start();
    }
  }

  // --- from sessions

  async rolloutEnded(report: RolloutReport): Promise<void> {
    this.#attend();
    this.#ended(report);
  }

  async rewardRecorded(report: RewardReport): Promise<void> {
    this.#attend();
    if (noteReward(this.#store, report, this.#at())) {
      await this.#alarm.arm();
      this.#delivery.start();
    }
  }

  /** Sets the next alarm before anything else, and waits for nothing that may not come. */
  async alarm(): Promise<void> {
    this.#alarm.rang();
    if (!this.#store.isEmpty()) {
      this.#store.uploads.dropExpired(this.#host.clock.now());
    }
    await this.#alarm.arm();
    if (this.#store.find() === null) {
      return;
    }
    this.#isAwake = true;
    this.#starter.lookAfter();
    this.#starter.fill();
    this.#isThorough = true;
    this.#delivery.start();
  }

  // --- what they share

  #at(): string {
    return new Date(this.#host.clock.now()).toISOString();
  }

  #groupIds({ batchId, tasks }: AddTasks): Promise<string[]> {
    return Promise.all(tasks.map((task) => groupIdOf(batchId, task.task_id)));
  }

  #found<T>(read: () => T): FoundBatch<T> {
    if (this.#store.find() === null) {
      return { kind: "unknown" };
    }
    this.#attend();
    return { kind: "found", value: read() };
  }

  /** Each call is a chance to notice what an earlier incarnation left. */
  #attend(): void {
    if (this.#isAwake || this.#store.find() === null) {
      return;
    }
    this.#isAwake = true;
    this.#host.waitUntil(this.#alarm.arm());
    this.#starter.lookAfter();
    this.#starter.fill();
    this.#delivery.start();
  }

  #ended(report: RolloutReport): void {
    if (noteEnded(this.#store, report, this.#at())) {
      this.#starter.ended(report.runId);
      this.#starter.fill();
      this.#delivery.start();
    }
  }

  #over(): void {
    this.#starter.cancelAll();
    this.#delivery.start();
  }

  #broken(error: unknown): void {
    this.#host.warn("a batch cannot go on", error);
    if (error instanceof UnreadableTaskError) {
      const detail = "this version of the service cannot read a task of the batch";
      if (failBatch(this.#store, { code: "task_unreadable", detail }, this.#at())) {
        this.#over();
      }
    }
  }

  async #deliver(): Promise<void> {
    const isThorough = this.#isThorough;
    this.#isThorough = false;
    try {
      const { ledger, clock } = this.#host;
      await deliverBatch({ store: this.#store, ledger, now: clock.now, isThorough });
    } catch (error) {
      // The alarm stands as long as something is owed.
      this.#host.warn("the ledger waits for a batch", error);
    }
    this.#starter.fill();
  }
}
