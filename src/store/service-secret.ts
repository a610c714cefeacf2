// Secrets that the service makes for itself and that every isolate must share. The first caller's random bytes
// win; everybody else reads them.

import { guardStore } from "./store-fault.ts";

/** 64 hex digits, the same for all isolates and for ever. `random` fills the bytes it is given. */
export async function readServiceSecret(
  db: D1Database,
  name: string,
  random: (bytes: Uint8Array) => Uint8Array,
): Promise<string> {
  const fresh = Array.from(random(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return guardStore("ledger_unavailable", async () => {
    await db.prepare("INSERT INTO service_secrets VALUES (?1, ?2) ON CONFLICT DO NOTHING").bind(name, fresh).run();
    const stored = await db.prepare("SELECT value FROM service_secrets WHERE name = ?1").bind(name).first("value");
    return String(stored);
  });
}
