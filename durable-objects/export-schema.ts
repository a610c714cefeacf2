// The tables of an exporter's SQLite and their numbered migrations: how far one export is. All of it can be thrown
// away when the export has ended, and is; what must stay lies in D1 and R2.

/** Each entry is applied once, in order; never edit one that has been deployed, add another. */
const migrations: readonly string[] = [
  `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE sets (
     ordinal INTEGER PRIMARY KEY, last_group_id TEXT NOT NULL, files TEXT NOT NULL, stats TEXT NOT NULL,
     validated INTEGER NOT NULL DEFAULT 0
   );
   CREATE TABLE uploads (upload_id TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID;
   CREATE TABLE quarantined (group_id TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;`,
];

export function isInitialised(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'").toArray().length > 0;
}

/** Brings the tables to the newest version. To be called inside a transaction. */
export function migrate(sql: SqlStorage): void {
  const version = isInitialised(sql)
    ? Number(sql.exec("SELECT value FROM meta WHERE key = 'schema'").toArray()[0]?.["value"] ?? 0)
    : 0;
  for (const migration of migrations.slice(version)) {
    sql.exec(migration);
  }
  sql.exec(
    "INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    // As text: a number would be bound as a real one and stored as `1.0`.
    String(migrations.length),
  );
}
