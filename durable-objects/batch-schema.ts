// The tables of a batch's SQLite and their numbered migrations. An object writes nothing before its first tasks come,
// so that asking for an id that names nothing leaves no trace.

type Row = Record<string, SqlStorageValue>;

/** What the batch uses of its object's storage; the tests bring an SQLite of their own. */
export interface BatchStorage {
  readonly sql: {
    exec(query: string, ...bindings: (string | number | null)[]): { toArray(): Row[]; one(): Row };
  };
  transactionSync<T>(change: () => T): T;
}

/** Each entry is applied once, in order; never edit one that has been deployed, add another. */
const migrations: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE uploads (upload TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE tasks (
     upload TEXT NOT NULL, task_index INTEGER NOT NULL, task_id TEXT NOT NULL, group_id TEXT NOT NULL,
     body TEXT NOT NULL, group_state TEXT NOT NULL DEFAULT 'open', is_told INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (upload, task_index)
   );
   CREATE INDEX tasks_to_tell ON tasks (upload, task_index) WHERE group_state <> 'open' AND is_told = 0;
   CREATE TABLE batch (
     one INTEGER PRIMARY KEY CHECK (one = 1), upload TEXT NOT NULL, body_hash TEXT NOT NULL, spec TEXT NOT NULL,
     tasks INTEGER NOT NULL, status TEXT NOT NULL, created_at TEXT NOT NULL, ended_at TEXT, problem TEXT,
     registered INTEGER NOT NULL DEFAULT 0, position INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,
     is_settled INTEGER NOT NULL DEFAULT 0
   );
   CREATE TABLE rollouts (
     task_index INTEGER NOT NULL, rollout_index INTEGER NOT NULL, attempt INTEGER NOT NULL, run_id TEXT,
     state TEXT NOT NULL, status TEXT, invalid_reason TEXT, final_reason TEXT, reward REAL,
     is_pending INTEGER NOT NULL DEFAULT 0, gave_up INTEGER NOT NULL DEFAULT 0, turns INTEGER NOT NULL DEFAULT 0,
     prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0,
     PRIMARY KEY (task_index, rollout_index, attempt)
   ) WITHOUT ROWID;
   CREATE UNIQUE INDEX rollouts_by_run ON rollouts (run_id);
   CREATE INDEX rollouts_due ON rollouts (task_index, rollout_index) WHERE state = 'due';
   CREATE INDEX rollouts_running ON rollouts (task_index, rollout_index) WHERE state = 'running';
   CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);`,
];

/** Whether this object has ever stored anything. Reads only. */
export function hasTables({ sql }: BatchStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").toArray().length > 0;
}

/** Brings the tables to the newest version. To be called inside a transaction. */
export function migrateBatch(storage: BatchStorage): void {
  const { sql } = storage;
  const [row] = hasTables(storage) ? sql.exec("SELECT value FROM meta WHERE key = 'schema'").toArray() : [];
  const version = Number(row?.["value"] ?? 0);
  if (version === migrations.length) {
    return;
  }
  for (const migration of migrations.slice(version)) {
    sql.exec(migration);
  }
  sql.exec(
    "INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    // As text: a number would be bound as a real one and stored as `1.0`.
    String(migrations.length),
  );
}
