// Datasets for tests of views and of the Python package, made by the project's own rows and files from a few words
// about groups, rollouts and turns. Nothing of it is random, so that a test's numbers can be checked by hand.

import { type AdvantageSpec, defaultAdvantageSpec, formatAdvantageSpec } from "../../src/training/advantage-spec.ts";
import { buildGroupRows, type GroupRows } from "../../src/training/dataset/build-rows.ts";
import type { ClaimedGroup, ClaimedRollout, ClaimTerms } from "../../src/training/dataset/claimed-group.ts";
import { zstdCodecs } from "../../src/training/dataset/codecs.ts";
import { createClaimHasher } from "../../src/training/dataset/dataset-id.ts";
import { createFileSet, type FileSetFacts } from "../../src/training/dataset/file-set.ts";
import { type Manifest, toManifest } from "../../src/training/dataset/manifest.ts";
import type { RecordInput, TurnInput } from "../../src/training/dataset/record-input.ts";
import type { RowSource } from "../../src/training/views/row-source.ts";
import { createParquetSource } from "../../src/training/views/parquet-source.ts";

export interface TurnPlan extends Partial<TurnInput> {
  /** Sampled ids, null for a server that gives none. Log-probs follow from the ids unless given. */
  readonly reply: readonly number[] | null;
}

export interface RolloutPlan {
  readonly reward: number | null;
  readonly turns: readonly TurnPlan[];
  /** Set: something outside the policy broke it. */
  readonly invalid?: string;
  readonly index?: number;
  readonly attempt?: number;
}

export interface GroupPlan {
  readonly rollouts: readonly RolloutPlan[];
  readonly step?: number;
  readonly planned?: number;
  readonly complete?: boolean;
}

export interface DatasetPlan {
  readonly groups: readonly GroupPlan[];
  readonly spec?: AdvantageSpec;
  readonly terms?: Partial<ClaimTerms>;
  /** Groups in a set of files; all in one unless given. */
  readonly groupsPerSet?: number;
}

export interface MadeDataset {
  readonly manifest: Manifest;
  readonly rows: readonly GroupRows[];
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly source: RowSource;
}

const startedAt = "2026-11-22T10:00:00.123Z";

/** A log-prob for a token, between -0.05 and -2, that float32 cannot hold exactly. */
export function plannedLogprob(id: number): number {
  return -((id % 39) + 1) / 20 - 0.001;
}

function toTurn(plan: TurnPlan, index: number, count: number, step: number): TurnInput {
  const { reply, ...given } = plan;
  return {
    turn_index: index,
    num_turns: count,
    is_last_turn: index === count - 1,
    messages: [
      { role: "system", content: "You plan." },
      { role: "user", content: `Turn ${index} ünïcode 漢字 🙂` },
    ],
    response_text: `plan ${(reply ?? []).join(" ")}`,
    reasoning_text: index % 2 === 0 ? null : "thinking",
    prompt_token_ids: reply === null ? null : [1, 2, index],
    response_token_ids: reply === null ? null : [...reply],
    response_logprobs: reply === null ? null : reply.map(plannedLogprob),
    logprobs_mode: reply === null ? "unknown" : "processed",
    token_source: reply === null ? "none" : "engine",
    response_mask: reply === null ? null : reply.map(() => 1),
    finish_reason: "stop",
    truncated: false,
    temperature: 0.7,
    top_p: 1,
    top_k: -1,
    min_p: 0,
    frequency_penalty: 0,
    presence_penalty: 0,
    repetition_penalty: 1,
    stop: null,
    max_tokens: 2048,
    seed: 9_007_199_254_740_991 - index,
    guided: false,
    policy_version: `v${step}`,
    policy_step: step,
    model_requested: "planner",
    model_served: "planner",
    engine: "openai-compatible",
    engine_attempts: 1,
    tool_name: "python_coder",
    tool_status: "ok",
    tool_latency_ms: 12,
    tool_calls: 1,
    verifier_conclusion: index === count - 1 ? "stop" : "continue",
    started_at: startedAt,
    latency_ms: 250,
    prompt_tokens: 3,
    response_tokens: reply?.length ?? 0,
    ...given,
  };
}

function toRecord(runId: string, plan: RolloutPlan, step: number): RecordInput {
  const turns = plan.turns.map((turn, index) => toTurn(turn, index, plan.turns.length, step));
  return {
    schema_version: 1,
    rollout_id: runId,
    session_id: runId.replace(/^run_/, "ses_").replace(/_\d{4}$/, ""),
    query: "What is 12 * 12?",
    reference: { answers: ["144"] },
    answer: "144",
    status: "completed",
    stop_reason: "stop",
    error_code: null,
    invalid_reason: plan.invalid ?? null,
    policy_version_min: `v${step}`,
    policy_version_max: `v${step}`,
    prompt_tokens: turns.length * 3,
    response_tokens: turns.reduce((sum, turn) => sum + turn.response_tokens, 0),
    duration_ms: 1234,
    started_at: startedAt,
    turns,
  };
}

function toClaimed(runId: string, plan: RolloutPlan, position: number): ClaimedRollout {
  return {
    run_id: runId,
    rollout_index: plan.index ?? position,
    rollout_attempt: plan.attempt ?? 1,
    record_sha256: "ab".repeat(32),
    invalid_reason: plan.invalid ?? null,
    reward: plan.reward,
    reward_kind: "exact",
    reward_source: "log",
    reward_components: '{"exact":1}',
    judge_model: null,
  };
}

/** Ids in the form of real ones, sorting by their numbers. */
function idOf(prefix: string, ...numbers: readonly number[]): string {
  return `${prefix}_${numbers
    .map((one) => String(one).padStart(4, "0"))
    .join("")
    .padStart(26, "0")}`;
}

function toRows(group: GroupPlan, index: number, terms: ClaimTerms): GroupRows {
  const step = group.step ?? 3;
  const claimed: ClaimedGroup = {
    group_id: idOf("grp", index),
    batch_id: idOf("bat", 1),
    task_id: `task ${index}`,
    split: "train",
    policy_version: `v${step}`,
    policy_step: step,
    size_planned: group.planned ?? group.rollouts.length,
    complete: group.complete ?? true,
  };
  const sources = group.rollouts.map((plan, position) => {
    const runId = `${idOf("run", index, position)}_0001`;
    return { rollout: toClaimed(runId, plan, position), record: toRecord(runId, plan, step) };
  });
  const rows = buildGroupRows(terms, claimed, sources);
  if (!rows.ok) {
    throw new Error(`the group was set aside: ${rows.error}`);
  }
  return rows.value;
}

export async function makeDataset(plan: DatasetPlan): Promise<MadeDataset> {
  const terms: ClaimTerms = {
    advantageSpec: plan.spec ?? defaultAdvantageSpec,
    minValid: null,
    allowPartial: false,
    maxStaleness: 4,
    passAt: 1,
    policyStep: 3,
    ...plan.terms,
  };
  const rows = plan.groups.map((group, index) => toRows(group, index, terms));
  const { files, sets } = await writeFiles(rows, plan.groupsPerSet ?? rows.length);
  const hasher = createClaimHasher(formatAdvantageSpec(terms.advantageSpec), zstdCodecs);
  for (const { rollout } of rows.flatMap(({ rollouts }) => rollouts)) {
    hasher.add({ run_id: rollout.rollout_id, record_sha256: rollout.record_sha256, reward: rollout.reward });
  }
  const manifest = toManifest({
    identity: hasher.identity(),
    terms,
    claimedAt: "2026-11-22T10:30:00.000Z",
    trigger: "request",
    sets: sets.map(({ stats }) => stats),
    quarantined: 0,
    erased: 0,
    files: sets.flatMap((set) => set.files),
  });
  const source = createParquetSource(manifest, (path, start, end) => readFrom(files, path, start, end), zstdCodecs);
  return { manifest, rows, files, source };
}

async function writeFiles(rows: readonly GroupRows[], groupsPerSet: number) {
  const parts = new Map<string, Uint8Array[]>();
  const sets: FileSetFacts[] = [];
  for (let start = 0; start < rows.length; start += groupsPerSet) {
    const set = createFileSet(sets.length, zstdCodecs, (path) => (bytes) => {
      // The writer fills its buffer anew.
      parts.set(path, [...(parts.get(path) ?? []), bytes.slice()]);
      return Promise.resolve();
    });
    for (const group of rows.slice(start, start + groupsPerSet)) {
      await set.add(group);
    }
    sets.push(await set.close());
  }
  const files = new Map([...parts].map(([path, pieces]) => [path, new Uint8Array(Buffer.concat(pieces))]));
  return { files, sets };
}

function readFrom(files: ReadonlyMap<string, Uint8Array>, path: string, start: number, end: number) {
  const bytes = files.get(path);
  return bytes === undefined ? Promise.reject(new Error(`no file ${path}`)) : Promise.resolve(bytes.slice(start, end));
}
