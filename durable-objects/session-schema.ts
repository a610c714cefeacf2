// The tables of a session's SQLite and their numbered migrations. An object writes nothing before its first run,
// so that asking for an id that names nothing leaves no trace.

/** Each entry is applied once, in order; never edit one that has been deployed, add another. */
const migrations: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE runs (
     ordinal INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, query TEXT NOT NULL,
     answer TEXT, created_at TEXT NOT NULL, ended_at TEXT, key_hash TEXT, body_hash TEXT
   );
   CREATE TABLE events (
     ordinal INTEGER NOT NULL, seq INTEGER NOT NULL, active_ms INTEGER NOT NULL, body TEXT NOT NULL, detail TEXT,
     PRIMARY KEY (ordinal, seq)
   );
   CREATE TABLE outbox (
     ordinal INTEGER NOT NULL, kind TEXT NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL,
     PRIMARY KEY (ordinal, kind)
   ) WITHOUT ROWID;`,
  // `since`: the first run of the conversation that a run belongs to; `payload`: JSON that a row delivers.
  `ALTER TABLE runs ADD COLUMN since INTEGER NOT NULL DEFAULT 1;
   ALTER TABLE outbox ADD COLUMN payload TEXT;
   INSERT INTO outbox (ordinal, kind, attempts, next_at)
     SELECT 0, 'erase', 0, 0 FROM meta WHERE key = 'erasing';`,
];

// Once the tables stand nothing drops them, and the question is asked before nearly every other.
const initialised = new WeakSet<SqlStorage>();

/** Whether this object has ever stored anything. Reads only. */
export function isInitialised(sql: SqlStorage): boolean {
  if (initialised.has(sql)) {
    return true;
  }
  const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").toArray();
  if (tables.length > 0) {
    initialised.add(sql);
  }
  return tables.length > 0;
}

/** Brings the tables to the newest version. To be called inside a transaction. */
export function migrate(sql: SqlStorage): void {
  const version = isInitialised(sql) ? readVersion(sql) : 0;
  for (const migration of migrations.slice(version)) {
    sql.exec(migration);
  }
  sql.exec(
    "INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    // As text: a number would be bound as a real one and stored as `1.0`.
    String(migrations.length),
  );
}

export function readVersion(sql: SqlStorage): number {
  return Number(sql.exec("SELECT value FROM meta WHERE key = 'schema'").toArray()[0]?.["value"] ?? 0);
}

export const newestVersion = migrations.length;
