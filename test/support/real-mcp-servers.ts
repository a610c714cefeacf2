// The registry of tenants' MCP servers for HTTP tests: the real one over the worker's own D1, no network.

import { env } from "cloudflare:workers";
import { createDeploymentGuard } from "../../src/lib/guarded-fetch/deployment-guard.ts";
import { createTenantSecrets } from "../../src/lib/tenant-secrets.ts";
import { createTtlCache } from "../../src/lib/ttl-cache.ts";
import { createMcpServerStore } from "../../src/store/mcp-servers.ts";
import { createMcpRegistry } from "../../src/tools/mcp/registry.ts";
import type { RegisteredMcpServer } from "../../src/tools/mcp/registration.ts";
import { createToolSources } from "../../src/tools/remote/create-tool-sources.ts";
import { startMs } from "./http-services.ts";

/** Minutes pass only where the test moves the time. */
export function realMcpServers(variables: Readonly<Record<string, string>> = {}, time = { nowMs: startMs }) {
  const now = () => time.nowMs;
  const secretFor = createTenantSecrets(variables);
  const guard = createDeploymentGuard(variables, { fetch: () => Promise.reject(new Error("no network")), now });
  const clock = { now, sleep: () => Promise.resolve() };
  return createMcpRegistry({
    store: createMcpServerStore(env.DB),
    cache: createTtlCache<readonly RegisteredMcpServer[]>({ now, ttlMs: 30_000, maxEntries: 100 }),
    configured: createToolSources({ variables, secretFor, fetch: guard.fetch, clock, random: () => 0 }),
    guard,
    fetch: guard.fetch,
    variables,
    secretFor,
    now,
  });
}
