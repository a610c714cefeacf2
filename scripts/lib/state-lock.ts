// One server per state folder. The lock is SQLite's on a file of its own: the system lets go of it when the
// process dies, whatever killed it, so that there is never a stale one.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Held until the process ends; null if another process holds it. */
export function lockStateDir(stateDir: string): DatabaseSync | null {
  mkdirSync(stateDir, { recursive: true });
  const lock = new DatabaseSync(join(stateDir, "lock.sqlite"));
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (by INTEGER)");
    return lock;
  } catch (error) {
    lock.close();
    if (error instanceof Error && /locked|busy/i.test(error.message)) {
      return null;
    }
    throw error;
  }
}
