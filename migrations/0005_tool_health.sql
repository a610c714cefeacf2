-- How the services behind the deployment's own tools answered last, for the catalogue (docs/tools.md).

CREATE TABLE tool_health (
  tool TEXT PRIMARY KEY,
  -- Of the failure; null where it answered.
  code TEXT,
  checked_at TEXT NOT NULL
) WITHOUT ROWID;
