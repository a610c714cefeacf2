-- MCP servers that tenants connected by themselves (docs/tools.md). Secrets are not here, only their names.

CREATE TABLE mcp_servers (
  tenant TEXT NOT NULL,
  name TEXT NOT NULL,
  -- JSON: {url, secret?, header?, allowed_tools?, timeout_seconds, repeat?}.
  registration TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (tenant, name)
) WITHOUT ROWID;
