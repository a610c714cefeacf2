// What others may ask of a rollout batch's object: types only, so that both sides and the tests share them. RPC
// methods stay backward compatible, for a deploy runs two versions side by side for minutes.

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

/** The methods that sessions call; the HTTP layer's are beside the object. */
export interface BatchReports {
  rolloutEnded(report: RolloutReport): Promise<void>;
  rewardRecorded(report: RewardReport): Promise<void>;
}
