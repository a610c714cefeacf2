-- Results of tool calls, for evaluations that must see the same outside world again (docs/tools.md).

CREATE TABLE tool_results (
  tenant TEXT NOT NULL,
  -- SHA-256 of tool, version and arguments.
  result_key TEXT NOT NULL,
  tool TEXT NOT NULL,
  -- Of the run that made the call: its erasure takes the result along.
  session_id TEXT NOT NULL,
  -- JSON: {result, cut, produced_by}, 64 KB of result at most.
  kept TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (tenant, result_key)
);
CREATE INDEX tool_results_by_session ON tool_results (tenant, session_id);
CREATE INDEX tool_results_by_time ON tool_results (created_at);
