// The MCP servers of tenants in D1, one row each. The bound on their number holds for registrations at the same time,
// because one statement counts and writes.

import * as z from "zod";
import { canonicalJson } from "../lib/canonical-json.ts";
import { RegisteredMcpServer } from "../tools/mcp/registration.ts";
import type { McpServerStore } from "../tools/mcp/registry.ts";
import { guardStore } from "./store-fault.ts";

const upsert = `
  INSERT INTO mcp_servers (tenant, name, registration, created_at, updated_at)
  SELECT ?1, ?2, ?3, ?4, ?4
  WHERE EXISTS (SELECT 1 FROM mcp_servers WHERE tenant = ?1 AND name = ?2)
    OR (SELECT COUNT(*) FROM mcp_servers WHERE tenant = ?1) < ?5
  ON CONFLICT (tenant, name) DO UPDATE SET registration = excluded.registration, updated_at = excluded.updated_at`;

const columns = "name, registration, created_at, updated_at";
const selectOne = `SELECT ${columns} FROM mcp_servers WHERE tenant = ?1 AND name = ?2`;
const selectAll = `SELECT ${columns} FROM mcp_servers WHERE tenant = ?1 ORDER BY name`;

const Row = z
  .object({ ...RegisteredMcpServer.shape, registration: z.string() })
  .transform((row) => RegisteredMcpServer.parse({ ...row, registration: JSON.parse(row.registration) }));

export function createMcpServerStore(db: D1Database): McpServerStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  return {
    put: ({ tenant, name, registration, at, maxServers }) =>
      guard(async () => {
        const one = db.prepare(selectOne).bind(tenant, name);
        const written = db.prepare(upsert).bind(tenant, name, canonicalJson(registration), at, maxServers);
        const [before, , after] = await db.batch([one, written, one]);
        const [row] = after?.results ?? [];
        return row === undefined ? null : { server: Row.parse(row), isNew: before?.results.length === 0 };
      }),
    list: (tenant) =>
      guard(async () => {
        const { results } = await db.prepare(selectAll).bind(tenant).all();
        return results.map((row) => Row.parse(row));
      }),
    delete: (tenant, name) =>
      guard(async () => {
        const { meta } = await db
          .prepare("DELETE FROM mcp_servers WHERE tenant = ?1 AND name = ?2")
          .bind(tenant, name)
          .run();
        return meta.changes > 0;
      }),
  };
}
