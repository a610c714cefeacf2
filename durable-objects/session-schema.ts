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

// The question is asked before nearly every other, and the answer changes once.
const initialised = new WeakMap<SqlStorage, boolean>();

/** Whether this object has ever stored anything. Reads only. */
export function isInitialised(sql: SqlStorage): boolean {
  const known = initialised.get(sql);
  if (known !== undefined) {
    return known;
  }
  const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").toArray();
  initialised.set(sql, tables.length > 0);
  return tables.length > 0;
}

/** To be called when a transaction was rolled back: perhaps the one that had made the tables. */
export function forgetInitialised(sql: SqlStorage): void {
  initialised.delete(sql);
}

/** What the migrations come to, made at once: every session is born with it, and altering tables costs more than making them. */
const newestTables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE runs (
    ordinal INTEGER PRIMARY KEY, run_id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, query TEXT NOT NULL,
    answer TEXT, created_at TEXT NOT NULL, ended_at TEXT, key_hash TEXT, body_hash TEXT,
    since INTEGER NOT NULL DEFAULT 1
  );
  CREATE TABLE events (
    ordinal INTEGER NOT NULL, seq INTEGER NOT NULL, active_ms INTEGER NOT NULL, body TEXT NOT NULL, detail TEXT,
    PRIMARY KEY (ordinal, seq)
  );
  CREATE TABLE outbox (
    ordinal INTEGER NOT NULL, kind TEXT NOT NULL, attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, payload TEXT,
    PRIMARY KEY (ordinal, kind)
  ) WITHOUT ROWID;
  INSERT INTO meta VALUES ('schema', '${migrations.length}'), ('tenant', ?), ('session_id', ?), ('created_at', ?)`;

export interface SessionFacts {
  readonly tenant: string;
  readonly sessionId: string;
  readonly createdAt: string;
}

/** The tables of an object that has none. To be called inside a transaction whose failure calls `forgetInitialised`. */
export function createTables(sql: SqlStorage, { tenant, sessionId, createdAt }: SessionFacts): void {
  // One statement after the other; the values are the last one's.
  sql.exec(newestTables, tenant, sessionId, createdAt);
  initialised.set(sql, true);
}

/** Brings older tables to the newest version. To be called inside a transaction. */
export function migrate(sql: SqlStorage): void {
  for (const migration of migrations.slice(readVersion(sql))) {
    sql.exec(migration);
  }
  // As text: a number would be bound as a real one and stored as `1.0`.
  sql.exec("UPDATE meta SET value = ? WHERE key = 'schema'", String(migrations.length));
}

export function readVersion(sql: SqlStorage): number {
  return Number(sql.exec("SELECT value FROM meta WHERE key = 'schema'").toArray()[0]?.["value"] ?? 0);
}

export const newestVersion = migrations.length;
