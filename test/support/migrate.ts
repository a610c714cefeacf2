// Gives a worker test's D1 the project's own migrations, read from the files that a deployment applies.

/// <reference types="vite/client" />
import { applyD1Migrations } from "cloudflare:test";

const files = import.meta.glob<string>("../../migrations/*.sql", { query: "?raw", import: "default", eager: true });

export async function migrate(db: D1Database): Promise<void> {
  const migrations = Object.entries(files)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([path, sql]) => ({
      name: path.replace(/^.*\//, ""),
      queries: sql
        .replaceAll(/^\s*--.*$/gm, "")
        .split(";")
        .map((query) => query.trim())
        .filter((query) => query !== ""),
    }));
  await applyD1Migrations(db, migrations);
}
