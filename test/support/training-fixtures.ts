// Groups of ended rollouts as sessions and batches leave them: rows in D1, records in R2. Everything follows from the
// names that a test gives, so that two databases seeded alike are alike. It works inside workerd and in plain Node.

import { hashedId, hashedSessionId, runIdOf } from "../../src/lib/ids.ts";
import { sha256 } from "../../src/lib/sha256.ts";
import { createRecordStore } from "../../src/store/records.ts";
import { RolloutRecord } from "../../src/training/rollout-record.ts";
import { recordInput } from "./dataset-rows.ts";

export interface Stores {
  readonly DB: D1Database;
  readonly BUCKET: R2Bucket;
}

/** A rollout of so many turns, each with `tokens` sampled tokens; the turns of null come from a server without ids. */
export interface SeedRollout {
  /** Null: the log has none. */
  readonly reward: number | null;
  readonly turns: number;
  readonly tokens?: number | null;
  readonly index?: number;
  readonly attempt?: number;
  readonly invalid?: string;
  readonly status?: "completed" | "incomplete" | "failed" | "cancelled";
  /** Text of each reply; a malformed plan is a reply like any other. */
  readonly reply?: string;
  /** Token ids and log-probs that do not compress. */
  readonly isNoisy?: true;
}

export interface SeedGroup {
  readonly tenant: string;
  /** The task's id; with tenant and batch it names the group. */
  readonly task: string;
  readonly rollouts: readonly SeedRollout[];
  readonly batch?: string;
  readonly split?: string;
  readonly policyVersion?: string;
  readonly policyStep?: number;
  readonly sizePlanned?: number;
  readonly isComplete?: boolean;
  /** Null: still open. */
  readonly closedAt?: string | null;
}

export interface SeededGroup {
  readonly groupId: string;
  /** In the order of the rollouts. */
  readonly runIds: readonly string[];
  readonly sessionIds: readonly string[];
}

const at = "2026-11-22T10:00:00.000Z";

/** Rewards 1, 1, 0, 0 with turns 1, 1, 3, 3: the worked example of DATASET. */
export const workedExample: readonly SeedRollout[] = [
  { reward: 1, turns: 1, tokens: 10 },
  { reward: 1, turns: 1, tokens: 10 },
  { reward: 0, turns: 3, tokens: 10 },
  { reward: 0, turns: 3, tokens: 10 },
];

function turnOf(rollout: SeedRollout, tokens: number | null) {
  const listOf = (value: (index: number) => number) =>
    tokens === null ? null : Array.from({ length: tokens }, (_, index) => value(index));
  // A multiplicative hash: no two near tokens are alike.
  const noise = (index: number) => (Math.imul(index + 1, 2_654_435_761) >>> 8) % 150_000;
  const idOf = rollout.isNoisy === true ? noise : (index: number) => index;
  return {
    prompt: "Plan. What is 6 times 7?",
    response_text: rollout.reply ?? "Tool Name: python_coder",
    prompt_token_ids: listOf((index) => idOf(index + 1000)),
    response_token_ids: listOf(idOf),
    response_logprobs: listOf((index) => -0.1 * (idOf(index) % 5000)),
    response_mask: listOf(() => 1),
    logprobs_mode: tokens === null ? ("unknown" as const) : ("processed" as const),
    token_source: tokens === null ? ("none" as const) : ("engine" as const),
    response_tokens: tokens ?? 0,
  };
}

interface Named {
  readonly group: SeedGroup;
  readonly groupId: string;
  readonly batchId: string;
  readonly rollout: SeedRollout;
  readonly index: number;
  readonly attempt: number;
  readonly sessionId: string;
  readonly runId: string;
}

function recordOf({ group, groupId, batchId, rollout, index, attempt, sessionId, runId }: Named): RolloutRecord {
  const { tokens = 3, turns, status = "completed" } = rollout;
  const invalid_reason = rollout.invalid ?? null;
  const { turns: rows, ...rest } = recordInput(
    runId,
    Array.from({ length: turns }, () => turnOf(rollout, tokens)),
    { session_id: sessionId, status, invalid_reason, stop_reason: status === "completed" ? "stop" : null },
  );
  return RolloutRecord.parse({
    ...rest,
    turns: rows.map((row) => ({ ...row, prompt: "Plan. What is 6 times 7?" })),
    batch_id: batchId,
    group_id: groupId,
    task_id: group.task,
    rollout_index: index,
    rollout_attempt: attempt,
    split: group.split ?? "train",
    outputs: { direct: "42" },
    reward: rollout.reward,
    reward_kind: rollout.reward === null ? null : "exact",
    reward_components: null,
    reward_pending: false,
    valid: invalid_reason === null,
    policy_step: group.policyStep ?? 0,
    num_turns: turns,
    ended_at: at,
    limits: { max_turns: 10, max_seconds: 300, max_tokens: 200_000 },
    sampling: { temperature: 0.7 },
    tools: ["python_coder"],
    metadata: {},
    usage: { total: { prompt_tokens: 3, completion_tokens: 3 }, by_role: {} },
  });
}

const insertRun = `
  INSERT INTO runs (run_id, tenant, session_id, status, query, created_at, ended_at, max_seconds, policy_version, turns,
    record_key, record_sha256, batch_id, group_id, task_id, rollout_index, rollout_attempt, invalid_reason, reward,
    reward_kind)
  VALUES (?1, ?2, ?3, ?4, 'What is 6 times 7?', ?5, ?5, 300, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)`;

async function seedRollout(stores: Stores, named: Named): Promise<D1PreparedStatement> {
  const { group, groupId, batchId, rollout, index, attempt, sessionId, runId } = named;
  const stored = await createRecordStore(stores.BUCKET).put(group.tenant, runId, recordOf(named));
  return stores.DB.prepare(insertRun).bind(
    runId,
    group.tenant,
    sessionId,
    rollout.status ?? "completed",
    at,
    group.policyVersion ?? "planner-7",
    rollout.turns,
    stored.key,
    stored.sha256,
    batchId,
    groupId,
    group.task,
    index,
    attempt,
    rollout.invalid ?? null,
    rollout.reward,
    rollout.reward === null ? null : "exact",
  );
}

export async function seedGroup(stores: Stores, group: SeedGroup): Promise<SeededGroup> {
  const { tenant, task, rollouts, batch = "batch", closedAt = at } = group;
  const batchId = hashedId("bat", await sha256(`${tenant}/${batch}`));
  const groupId = hashedId("grp", await sha256(`${tenant}/${batch}/${task}`));
  const named = await Promise.all(
    rollouts.map(async (rollout, position): Promise<Named> => {
      const [index, attempt] = [rollout.index ?? position, rollout.attempt ?? 1];
      const sessionId = hashedSessionId(await sha256(`${groupId}/${index}/${attempt}`));
      return { group, groupId, batchId, rollout, index, attempt, sessionId, runId: runIdOf(sessionId, 1) };
    }),
  );
  const insertGroup = stores.DB.prepare(
    `INSERT INTO groups (group_id, tenant, batch_id, task_id, task_index, split, policy_version, policy_step,
      size_planned, created_at, closed_at, complete) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
  ).bind(
    groupId,
    tenant,
    batchId,
    task,
    group.split ?? "train",
    group.policyVersion ?? "planner-7",
    group.policyStep ?? 0,
    group.sizePlanned ?? new Set(named.map(({ index }) => index)).size,
    at,
    closedAt,
    (group.isComplete ?? closedAt !== null) ? 1 : 0,
  );
  const statements: D1PreparedStatement[] = [];
  for (const one of named) {
    statements.push(await seedRollout(stores, one));
  }
  await stores.DB.batch([insertGroup, ...statements]);
  return { groupId, runIds: named.map(({ runId }) => runId), sessionIds: named.map(({ sessionId }) => sessionId) };
}
