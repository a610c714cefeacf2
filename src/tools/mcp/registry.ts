// The MCP servers of each tenant: connected, changed, listed and removed by it, and given to its runs as sources of
// tools. Nothing is asked of a server here; the catalogue says whether it answers.

import { err, ok, type Result } from "../../lib/result.ts";
import { checkTenantServer, type TenantServerDeps, type TenantServerFault } from "../../lib/tenant-server.ts";
import { createTtlCache, type TtlCache } from "../../lib/ttl-cache.ts";
import type { ToolSource } from "../remote/tool-source.ts";
import { createMcpSource, type McpDeps } from "./mcp-source.ts";
import { type McpRegistration, type RegisteredMcpServer, toMcpServer } from "./registration.ts";

/** Each is asked for its tools before a run begins; six at a time (platform limit), ten seconds at most. */
export const maxServersPerTenant = 16;

/** A run that goes on through an outage of D1 has the servers that it had, and the isolate no more than these. */
const outageMs = 3_600_000;
const maxRemembered = 500;

export interface PutMcpServer {
  readonly tenant: string;
  readonly name: string;
  readonly registration: McpRegistration;
  readonly at: string;
  /** Of the tenant, this one included. */
  readonly maxServers: number;
}

/** Methods throw StoreFault when D1 fails. */
export interface McpServerStore {
  /** Null where the tenant has as many as it may, and this is a new one. */
  put(server: PutMcpServer): Promise<{ readonly server: RegisteredMcpServer; readonly isNew: boolean } | null>;
  /** By name. */
  list(tenant: string): Promise<readonly RegisteredMcpServer[]>;
  /** False where there was none. */
  delete(tenant: string, name: string): Promise<boolean>;
}

export type McpServerFault = Omit<TenantServerFault, "field"> & { readonly field: TenantServerFault["field"] | "name" };

export interface McpRegistry {
  register(
    tenant: string,
    name: string,
    registration: McpRegistration,
  ): Promise<Result<{ readonly server: RegisteredMcpServer; readonly isNew: boolean }, McpServerFault>>;
  list(tenant: string): Promise<readonly RegisteredMcpServer[]>;
  remove(tenant: string, name: string): Promise<boolean>;
}

export interface McpSources {
  /** `kept`: as they were half a minute ago at most; while D1 is down either gives what was read last, for an hour. */
  readonly sourcesOf: (tenant: string, age: "kept" | "fresh") => Promise<readonly ToolSource[]>;
}

export interface McpRegistryDeps extends McpDeps, TenantServerDeps {
  readonly store: McpServerStore;
  /** By tenant. A change in this isolate shows at once. */
  readonly cache: TtlCache<readonly RegisteredMcpServer[]>;
  /** The operator's servers, whose names are taken where the tenant has them. */
  readonly configured: readonly ToolSource[];
  readonly now: () => number;
}

export function createMcpRegistry(deps: McpRegistryDeps): McpRegistry & McpSources {
  const { store, cache } = deps;
  const last = createTtlCache<readonly RegisteredMcpServer[]>({
    now: deps.now,
    ttlMs: outageMs,
    maxEntries: maxRemembered,
  });

  function forget(tenant: string): void {
    cache.delete(tenant);
    last.delete(tenant);
  }

  async function read(tenant: string): Promise<readonly RegisteredMcpServer[]> {
    const servers = await store.list(tenant);
    forget(tenant);
    return last.get(tenant, () => Promise.resolve(servers));
  }

  async function serversOf(tenant: string, age: "kept" | "fresh"): Promise<readonly RegisteredMcpServer[]> {
    try {
      const fresh = age === "fresh" ? await read(tenant) : null;
      return await cache.get(tenant, () => (fresh === null ? read(tenant) : Promise.resolve(fresh)));
    } catch (fault) {
      return last.get(tenant, () => Promise.reject(fault));
    }
  }

  return {
    list: (tenant) => store.list(tenant),
    async register(tenant, name, registration) {
      const { url, secret } = registration;
      const fault = nameFault(deps, tenant, name) ?? (await checkTenantServer(deps, { tenant, url, secret }));
      if (fault !== null) {
        return err(fault);
      }
      const at = new Date(deps.now()).toISOString();
      const stood = await store.put({ tenant, name, registration, at, maxServers: maxServersPerTenant });
      forget(tenant);
      const detail = `You have ${maxServersPerTenant} MCP servers, which is as many as can be; remove one first.`;
      return stood === null ? err({ field: "name", code: "too_many", detail }) : ok(stood);
    },
    async remove(tenant, name) {
      const isDone = await store.delete(tenant, name);
      forget(tenant);
      return isDone;
    },
    async sourcesOf(tenant, age) {
      const servers = await serversOf(tenant, age);
      return servers.map((server) => createMcpSource(deps, toMcpServer(server)));
    },
  };
}

function nameFault({ configured }: McpRegistryDeps, tenant: string, name: string): McpServerFault | null {
  return configured.some((source) => source.name === name && source.isFor(tenant))
    ? { field: "name", code: "name_taken", detail: `${name} is a server of this deployment's configuration.` }
    : null;
}
