-- Rollouts, rewards, claims, datasets and policies. Truth about a run stays in its log and its record; these rows
-- say which rollouts make a group, what was claimed from them, and which planner versions there are.

-- A run that is a rollout says where it belongs; for every ended run, how it counts.
ALTER TABLE runs ADD COLUMN batch_id TEXT;
ALTER TABLE runs ADD COLUMN group_id TEXT;
ALTER TABLE runs ADD COLUMN task_id TEXT;
ALTER TABLE runs ADD COLUMN rollout_index INTEGER;
ALTER TABLE runs ADD COLUMN rollout_attempt INTEGER;
-- Why the run does not count, whatever its reward; null where only the reward decides.
ALTER TABLE runs ADD COLUMN invalid_reason TEXT;
-- The pure reward of the log; later ones are rows of `rewards`.
ALTER TABLE runs ADD COLUMN reward REAL;
ALTER TABLE runs ADD COLUMN reward_kind TEXT;
-- JSON, or null.
ALTER TABLE runs ADD COLUMN reward_components TEXT;
-- 1 while a judge, a webhook or somebody outside still owes this run its reward.
ALTER TABLE runs ADD COLUMN reward_pending INTEGER NOT NULL DEFAULT 0;
-- When the cron last woke the run's session: each sweep takes those that it has not seen for longest.
ALTER TABLE runs ADD COLUMN woken_at TEXT;

CREATE INDEX runs_by_group ON runs (group_id, rollout_index, rollout_attempt) WHERE group_id IS NOT NULL;

-- Late rewards, append-only. The newest row with a value is in force, before the log's own reward; a row without a
-- value says why a judge or a webhook gave none.
CREATE TABLE rewards (
  reward_id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  run_id TEXT NOT NULL,
  -- `judge`, `webhook`, or what the caller of /v1/feedback named.
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  value REAL,
  components TEXT,
  reason TEXT,
  error_code TEXT,
  judge_model TEXT,
  prompt_version TEXT,
  at TEXT NOT NULL,
  -- The same delivery twice is one row.
  delivery_key TEXT NOT NULL UNIQUE
);
CREATE INDEX rewards_by_run ON rewards (run_id, reward_id);

CREATE TABLE batches (
  batch_id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  -- queued, running, completed, cancelled, failed
  status TEXT NOT NULL,
  split TEXT NOT NULL,
  policy_version TEXT NOT NULL,
  policy_step INTEGER NOT NULL,
  group_size INTEGER NOT NULL,
  tasks INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  ended_at TEXT
) WITHOUT ROWID;
CREATE INDEX batches_by_time ON batches (tenant, created_at, batch_id);
CREATE INDEX batches_open ON batches (created_at) WHERE ended_at IS NULL;

CREATE TABLE groups (
  group_id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  batch_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  task_index INTEGER NOT NULL,
  split TEXT NOT NULL,
  policy_version TEXT NOT NULL,
  policy_step INTEGER NOT NULL,
  size_planned INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  -- Nothing more will come: complete, or its batch has ended without it.
  closed_at TEXT,
  -- Every planned rollout ended by itself and has its reward or its reason for none.
  complete INTEGER NOT NULL DEFAULT 0,
  -- The export that claimed it; a group is claimed once and for ever.
  claim_id TEXT,
  -- Why the exporter set it aside.
  quarantine_reason TEXT
) WITHOUT ROWID;
CREATE INDEX groups_by_batch ON groups (tenant, batch_id, task_index);
CREATE INDEX groups_claimable ON groups (tenant, split, closed_at) WHERE claim_id IS NULL AND closed_at IS NOT NULL;
CREATE INDEX groups_by_claim ON groups (claim_id, group_id) WHERE claim_id IS NOT NULL;

CREATE TABLE exports (
  export_id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  -- queued, running, completed, empty, failed
  status TEXT NOT NULL,
  -- cron, request
  trigger TEXT NOT NULL,
  -- What was asked for, as canonical JSON.
  request TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ended_at TEXT,
  dataset_id TEXT,
  -- JSON.
  counts TEXT,
  error_code TEXT,
  error_detail TEXT
) WITHOUT ROWID;
CREATE INDEX exports_by_time ON exports (tenant, created_at, export_id);
CREATE INDEX exports_open ON exports (created_at) WHERE ended_at IS NULL;

-- What an export froze. The claim's id is its export's.
CREATE TABLE claims (
  claim_id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  claimed_at TEXT NOT NULL,
  trigger TEXT NOT NULL,
  advantage_spec TEXT NOT NULL,
  exporter_version TEXT NOT NULL,
  -- The active policy's step when the claim was made.
  policy_step INTEGER NOT NULL,
  -- JSON: min_valid, allow_partial, max_staleness, pass_at.
  options TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE claim_rollouts (
  claim_id TEXT NOT NULL,
  group_id TEXT NOT NULL,
  rollout_index INTEGER NOT NULL,
  rollout_attempt INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  -- Null for a rollout that left no record.
  record_key TEXT,
  record_sha256 TEXT,
  invalid_reason TEXT,
  -- In force when the claim was made.
  reward REAL,
  reward_kind TEXT,
  reward_source TEXT,
  reward_components TEXT,
  judge_model TEXT,
  PRIMARY KEY (claim_id, group_id, rollout_index, rollout_attempt)
) WITHOUT ROWID;
-- A rollout is never in two claims.
CREATE UNIQUE INDEX claim_rollouts_once ON claim_rollouts (run_id);

CREATE TABLE datasets (
  dataset_id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  export_id TEXT NOT NULL,
  -- Whose rollouts it holds: its own export's claim, or that of the dataset it was made from.
  claim_id TEXT NOT NULL,
  advantage_spec TEXT NOT NULL,
  created_at TEXT NOT NULL,
  -- JSON, as in the manifest.
  counts TEXT NOT NULL,
  manifest_sha256 TEXT NOT NULL,
  deleted_at TEXT
) WITHOUT ROWID;
CREATE INDEX datasets_by_time ON datasets (tenant, created_at, dataset_id);
CREATE INDEX datasets_by_claim ON datasets (claim_id);

CREATE TABLE policies (
  tenant TEXT NOT NULL,
  version TEXT NOT NULL,
  -- Rises with each registered version of the tenant, from 1; the configured planner has 0.
  policy_step INTEGER NOT NULL,
  -- JSON: {kind: "hosted", base_url, model, secret, logprobs_mode} or {kind: "offline", weights_key}.
  endpoint TEXT NOT NULL,
  -- Of the registration as canonical JSON: a version never changes its meaning.
  sha256 TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant, version)
) WITHOUT ROWID;
CREATE UNIQUE INDEX policies_by_step ON policies (tenant, policy_step);

CREATE TABLE policy_datasets (
  tenant TEXT NOT NULL,
  version TEXT NOT NULL,
  dataset_id TEXT NOT NULL,
  PRIMARY KEY (tenant, version, dataset_id)
) WITHOUT ROWID;
-- Which datasets hold a version's rollouts.
CREATE INDEX groups_by_policy ON groups (claim_id, policy_version) WHERE claim_id IS NOT NULL;
CREATE INDEX policy_datasets_by_dataset ON policy_datasets (dataset_id);

CREATE TABLE active_policies (
  tenant TEXT PRIMARY KEY,
  -- Null: the configured planner again.
  version TEXT,
  activated_at TEXT NOT NULL
) WITHOUT ROWID;
