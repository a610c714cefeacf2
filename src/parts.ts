// The composition root of a run: engine, tools, clock and randomness from the Worker's bindings. The HTTP entry and
// the session objects both build their parts here, so that what /v1/tools shows is what a run uses.

import { createSandboxClient } from "../durable-objects/remote-sandbox.ts";
import { warn } from "../durable-objects/warn.ts";
import type { PolicyRef } from "./agent/run-spec.ts";
import { type Clock, createClock } from "./engines/clock.ts";
import type { Engine } from "./engines/engine.ts";
import { createOfflineEngine, offlineWeights } from "./engines/offline/engine.ts";
import type { Capabilities } from "./engines/hosted/capabilities.ts";
import { createEngine, readTimeoutMs } from "./engines/router.ts";
import { type Env, variablesOf } from "./env.ts";
import { createDeploymentGuard, type DeploymentGuard } from "./lib/guarded-fetch/deployment-guard.ts";
import { createTenantSecrets, type SecretFor } from "./lib/tenant-secrets.ts";
import { createTtlCache } from "./lib/ttl-cache.ts";
import { createPolicies, type Policies } from "./policies/policies.ts";
import { createCapabilityStore } from "./store/capabilities.ts";
import { createMcpServerStore } from "./store/mcp-servers.ts";
import { createPolicyStore } from "./store/policies.ts";
import { createToolHealthLog } from "./store/tool-health.ts";
import { createToolResultStore, type ToolResultStore } from "./store/tool-results.ts";
import { createBaseGenerator } from "./tools/base-generator/tool.ts";
import { ownTools } from "./tools/own-tools.ts";
import { createPythonCoder } from "./tools/python-coder/tool.ts";
import { createMcpRegistry, type McpRegistry } from "./tools/mcp/registry.ts";
import type { RegisteredMcpServer } from "./tools/mcp/registration.ts";
import { maxRemoteTimeoutMs } from "./tools/remote/tool-server.ts";
import { screenTool } from "./tools/remote/screen-tool.ts";
import { createToolSources } from "./tools/remote/create-tool-sources.ts";
import { createToolProvider, type ToolProvider } from "./tools/remote/tool-provider.ts";
import type { Tool } from "./tools/tool.ts";
import type { Blocklist } from "./tools/web-service/blocklist.ts";
import type { HealthLog } from "./tools/web-service/watch-tool.ts";
import { createWebTools } from "./tools/web-service/create-web-tools.ts";

export interface Parts {
  readonly engine: Engine;
  /** In the catalogue's order, which prompts keep. */
  readonly tools: readonly Tool[];
  /** The same for rollouts, whose programs spare the interpreter's boot where they are our own. */
  readonly rolloutTools: readonly Tool[];
  /** The servers that tenants connect by themselves. */
  readonly mcpServers: McpRegistry;
  /** `tools`, and those of connected servers. */
  readonly toolProvider: ToolProvider;
  /** Results of earlier calls, for runs that ask for them. */
  readonly toolResults: ToolResultStore;
  /** The configured planner. */
  readonly policy: PolicyRef;
  readonly policies: Policies;
  /** For every URL that somebody else than the operator chose. */
  readonly guard: DeploymentGuard;
  readonly secretFor: SecretFor;
  /** What the web tools keep from a run; its log says so. */
  readonly blocklist: Blocklist;
  readonly toolHealth: HealthLog;
  readonly clock: Clock;
  readonly random: () => number;
  /** The longest that one call of an engine or a tool may take. */
  readonly longestCallMs: number;
  /** The longest that one call of an engine may take. */
  readonly engineCallMs: number;
}

/** What was learnt or changed elsewhere may be half a minute late (DESIGN section 4). */
const cacheMs = 30_000;
const maxCachedTenants = 10_000;
/** A deployment talks to a handful of endpoints. */
const maxCached = 256;

export function createParts(env: Env): Parts {
  const variables = variablesOf(env);
  const clock = createClock(() => Date.now());
  const random = (): number => Math.random();
  const offline = givingWay(createOfflineEngine({ weights: offlineWeights, random }), clock);
  const cache = createTtlCache<Capabilities | null>({ now: clock.now, ttlMs: cacheMs, maxEntries: maxCached });
  const guard = createDeploymentGuard(variables, { fetch: (input, init) => fetch(input, init), now: clock.now });
  const secretFor = createTenantSecrets(variables);
  const engine = createEngine(variables, {
    offline,
    capabilities: createCapabilityStore(env.DB, cache, clock.now),
    fetch: (input, init) => fetch(input, init),
    // A policy's endpoint is a tenant's URL.
    policyFetch: guard.fetch,
    clock,
  });
  const policy = configuredPolicy(variables, engine);
  const configured = { version: policy.version, model: engine.modelOf("planner") };
  const toolHealth = createToolHealthLog(env.DB, clock.now, warn);
  const web = createWebTools(variables, {
    pages: guard.fetch,
    fetch: (input, init) => fetch(input, init),
    clock,
    random,
    health: toolHealth,
  });
  const sandbox = createSandboxClient(env);
  const toolsWith = (python: Tool) => [createBaseGenerator(), python, ...web.tools, ...ownTools];
  const tools = toolsWith(createPythonCoder(sandbox));
  const sources = createToolSources({ variables, secretFor, fetch: guard.fetch, clock, random });
  const mcpServers = createMcpRegistry({
    store: createMcpServerStore(env.DB),
    cache: createTtlCache<readonly RegisteredMcpServer[]>({
      now: clock.now,
      ttlMs: cacheMs,
      maxEntries: maxCachedTenants,
    }),
    configured: sources,
    guard,
    fetch: guard.fetch,
    variables,
    secretFor,
    now: clock.now,
  });
  // Every program is the offline engine's own where its executor writes them, whoever plans.
  const hasOwnPrograms = engine.modelOf("executor") === "offline-executor";
  return {
    engine,
    tools,
    rolloutTools: hasOwnPrograms ? toolsWith(createPythonCoder(sandbox, { isolation: "namespace" })) : tools,
    mcpServers,
    toolProvider: createToolProvider({
      builtIn: tools,
      sources,
      tenantSources: mcpServers.sourcesOf,
      screen: (tool) => screenTool(tool, web.blocklist),
      now: clock.now,
    }),
    toolResults: createToolResultStore(env.DB, clock.now, warn),
    policy,
    policies: createPolicies({
      store: createPolicyStore(env.DB, env.BUCKET),
      configured,
      guard,
      secretFor,
      now: clock.now,
    }),
    guard,
    secretFor,
    blocklist: web.blocklist,
    toolHealth,
    clock,
    random,
    engineCallMs: readTimeoutMs(variables),
    longestCallMs: Math.max(readTimeoutMs(variables), maxRemoteTimeoutMs, ...tools.map((tool) => tool.timeoutMs)),
  };
}

// The offline engine answers at once, and a run on it would otherwise go from its first event to its first Python
// program without letting go of the thread that readers of the stream wait for.
function givingWay(engine: Engine, clock: Clock): Engine {
  return {
    ...engine,
    async chat(request, signal) {
      await clock.sleep(0, signal);
      return engine.chat(request, signal);
    },
  };
}

/** The planner that the configuration names: step 0 of every tenant. */
function configuredPolicy(variables: Readonly<Record<string, string | undefined>>, engine: Engine): PolicyRef {
  const named = variables["PLANNER_VERSION"]?.trim() ?? "";
  return { version: named === "" ? engine.modelOf("planner").replace(/^offline-planner\//, "") : named, step: 0 };
}
