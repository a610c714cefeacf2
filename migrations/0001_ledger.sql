-- The ledger: one row a run, so that runs can be listed and swept; the log itself is in the session's object.
CREATE TABLE runs (
  run_id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  session_id TEXT NOT NULL,
  -- 'running' until the row's end is written, then the run's own status.
  status TEXT NOT NULL,
  -- The first 500 characters.
  query TEXT NOT NULL,
  created_at TEXT NOT NULL,
  ended_at TEXT,
  max_seconds REAL NOT NULL,
  policy_version TEXT NOT NULL,
  turns INTEGER,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  reason TEXT,
  error_code TEXT,
  record_key TEXT,
  record_sha256 TEXT
) WITHOUT ROWID;

CREATE INDEX runs_by_time ON runs (tenant, created_at, run_id);
CREATE INDEX runs_by_status ON runs (tenant, status, created_at, run_id);
CREATE INDEX runs_by_session ON runs (tenant, session_id, created_at, run_id);
CREATE INDEX runs_open ON runs (created_at) WHERE ended_at IS NULL;

-- An erased session answers 410 for ever, and no late row of it may come back.
CREATE TABLE session_tombstones (
  tenant TEXT NOT NULL,
  session_id TEXT NOT NULL,
  erased_at TEXT NOT NULL,
  PRIMARY KEY (tenant, session_id)
) WITHOUT ROWID;

CREATE TABLE api_keys (
  key_id TEXT PRIMARY KEY,
  -- Hex SHA-256 of the secret: it has 160 random bits, so a slow hash would add nothing.
  secret_sha256 TEXT NOT NULL,
  tenant TEXT NOT NULL,
  -- Comma separated.
  scopes TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  revoked_at TEXT
) WITHOUT ROWID;

-- What an inference endpoint was found to support, by URL and model.
CREATE TABLE engine_capabilities (
  capability_key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  updated_at TEXT NOT NULL
) WITHOUT ROWID;

-- Secrets that the service made for itself.
CREATE TABLE service_secrets (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
