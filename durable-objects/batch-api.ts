// What others may ask of a rollout batch's object: types only, so that both sides and the tests share them. RPC
// methods stay backward compatible, for a deploy runs two versions side by side for minutes.

import type { BatchEvent } from "../src/training/batch-events.ts";
import type { Batch } from "../src/training/batch-object.ts";
import type { BatchSpec, BatchTask } from "../src/training/batch-spec.ts";

/** An ended run, as its session tells its batch once record and ledger row stand; told again, nothing changes. */
export interface RolloutReport {
  readonly runId: string;
  readonly groupId: string;
  readonly taskId: string;
  readonly rolloutIndex: number;
  readonly rolloutAttempt: number;
  readonly status: string;
  readonly errorCode: string | null;
  /** Why it does not count, whatever its reward; null where only the reward decides. */
  readonly invalidReason: string | null;
  /** In force now; null where there is none (yet). */
  readonly reward: number | null;
  /** A judge, a webhook or somebody outside still owes it. */
  readonly isRewardPending: boolean;
  readonly turns: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A late reward, or the reason why there will be none, told once its row stands in the ledger. */
export interface RewardReport {
  readonly runId: string;
  /** Null: the judge or the webhook gave up. */
  readonly reward: number | null;
}

/** The methods that sessions call. */
export interface BatchReports {
  rolloutEnded(report: RolloutReport): Promise<void>;
  rewardRecorded(report: RewardReport): Promise<void>;
}

/** A piece of a request's tasks; nothing comes of it before `createBatch` names its upload. */
export interface AddTasks {
  readonly batchId: string;
  /** One request's; another request with the same key has another. */
  readonly upload: string;
  /** How many tasks of this upload come before these. */
  readonly first: number;
  readonly tasks: readonly BatchTask[];
}

export interface CreateBatch {
  readonly spec: BatchSpec;
  /** The last piece; small requests have no other. */
  readonly last: AddTasks;
  /** Of what was asked for, tasks included: a retry with the same key must have the same one. */
  readonly bodyHash: string;
}

export type CreateOutcome =
  | { kind: "created"; batch: Batch }
  /** The same key and body came before: its batch as it stands. */
  | { kind: "replayed"; batch: Batch }
  /** The same key came before with another body. */
  | { kind: "key_reused" }
  /** Pieces that came before are gone: the request took too long. */
  | { kind: "upload_lost" };

export type FoundBatch<T> = { kind: "found"; value: T } | { kind: "unknown" };

export interface BatchEventPage {
  events: BatchEvent[];
  /** There are more events after this page. */
  hasMore: boolean;
  /** The batch has ended, and this page reaches its terminal event. */
  ended: boolean;
}

export type BatchStreamOutcome =
  /** Bytes of `text/event-stream`, from the event after `after` on, then live, ended after the terminal event. */
  | { kind: "stream"; body: ReadableStream<Uint8Array> }
  /** The batch has ended and the reader has its last event: answer 204. */
  | { kind: "drained" }
  | { kind: "unknown" };

/** The methods that the HTTP layer and the cron call. */
export interface BatchApi {
  addTasks(input: AddTasks): Promise<void>;
  createBatch(input: CreateBatch): Promise<CreateOutcome>;
  /** The request was refused: what it had sent is dropped. */
  dropTasks(upload: string): Promise<void>;
  getBatch(): Promise<FoundBatch<Batch>>;
  readEvents(after: number, limit: number): Promise<FoundBatch<BatchEventPage>>;
  streamEvents(after: number): Promise<BatchStreamOutcome>;
  /** Idempotent; the batch as it stands. */
  cancelBatch(): Promise<FoundBatch<Batch>>;
  /** From the cron: arms the object again if it lost its alarm. */
  wake(): Promise<void>;
}
