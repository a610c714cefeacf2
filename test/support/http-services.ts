// Services for tests of the HTTP layer: sessions in memory, a ledger in memory, a clock that the test moves.

import { afterBySleep } from "./after-by-sleep.ts";
import type { Clock } from "../../src/engines/clock.ts";
import { createApp } from "../../src/http/app.ts";
import type { App } from "../../src/http/mount.ts";
import type { LogLine, Services } from "../../src/http/services.ts";
import type { CatalogueTool } from "../../src/http/tool-catalogue.ts";
import { formatApiKey } from "../../src/lib/api-key.ts";
import { sha256Hex } from "../../src/lib/sha256.ts";
import type { ConfiguredPlanner, PolicyRegistry } from "../../src/policies/registry.ts";
import { ApiKey } from "../../src/store/keys.ts";
import type { RewardReport } from "../../durable-objects/batch-api.ts";
import type { Ledger } from "../../src/store/ledger.ts";
import type { McpRegistry } from "../../src/tools/mcp/registry.ts";
import type { RewardStore } from "../../src/store/rewards.ts";
import { emptyTrainingServices, type TrainingServices } from "./empty-training.ts";
import { endedBatch } from "./ended-batch.ts";
import { createFakeSession, type FakeSession } from "./fake-session.ts";

export const startMs = Date.parse("2026-11-22T10:00:00.000Z");

/** Sleeps end when the test says so, or at once if `rush` is on. */
export interface TestClock extends Clock {
  rush: boolean;
  /** Moves the time on and wakes every sleeper whose time has come. */
  advance(ms: number): Promise<void>;
}

export function createTestClock(): TestClock {
  let nowMs = startMs;
  const sleepers = new Set<{ until: number; wake: () => void }>();
  function moveOn(ms: number): void {
    nowMs += ms;
    for (const sleeper of [...sleepers].filter(({ until }) => until <= nowMs)) {
      sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
  const clock: TestClock = {
    rush: false,
    now: () => nowMs,
    after: (ms, fire) => afterBySleep((waitMs, signal) => clock.sleep(waitMs, signal))(ms, fire),
    sleep(ms, signal) {
      if (signal.aborted) {
        return Promise.resolve();
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const sleeper = { until: nowMs + ms, wake: resolve };
      sleepers.add(sleeper);
      const hurry = clock.rush ? setTimeout(() => moveOn(ms), 0) : undefined;
      signal.addEventListener("abort", () => {
        clearTimeout(hurry);
        sleepers.delete(sleeper);
        resolve();
      });
      return promise;
    },
    async advance(ms) {
      moveOn(ms);
      await new Promise((resolve) => {
        setTimeout(resolve, 0);
      });
    },
  };
  return clock;
}

export type ToldReward = RewardReport & { readonly tenant: string; readonly batchId: string };

export interface TestWorld {
  readonly app: App;
  readonly services: Services;
  readonly clock: TestClock;
  readonly logs: LogLine[];
  readonly erased: Set<string>;
  /** What batches were told of late rewards. */
  readonly told: readonly ToldReward[];
  session(tenant: string, sessionId: string): FakeSession;
  readonly sessions: Map<string, FakeSession>;
  /** Adds a key and returns it as a caller would present it. */
  addKey(tenant: string, scopes: string, options?: { revoked?: true }): Promise<string>;
  /** What the rate limiter answers. */
  hasQuota: boolean;
  /** Names of those whom it refuses beside that. */
  readonly usedUp: Set<string>;
  /** Sent with a request as JSON. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
}

function emptyLedger(erased: Set<string>): Ledger {
  return {
    recordCreated: () => Promise.resolve(),
    recordEnded: () => Promise.resolve(),
    list: () => Promise.resolve({ runs: [], hasMore: false }),
    overdue: () => Promise.resolve([]),
    datasetsOf: () => Promise.resolve([]),
    eraseSession: () => Promise.resolve(),
    isErased: (tenant, sessionId) => Promise.resolve(erased.has(`${tenant}/${sessionId}`)),
    ping: () => Promise.resolve(),
  };
}

/** The ledger of a world whose runs have no late rewards. */
const noRewards: RewardStore = {
  record: () => Promise.resolve({ outcome: "unknown", place: { batch_id: null } }),
  delivered: () => Promise.resolve(null),
  ofRun: () => Promise.resolve(null),
};

export interface WorldOptions {
  /** Keys are needed; otherwise the anonymous mode of `npm start`. */
  readonly keyed?: true;
  readonly corsOrigins?: readonly string[];
  /** No model judges unless set. */
  readonly hasJudge?: true;
  readonly ledger?: Ledger;
  readonly rewards?: RewardStore;
  /** Stored records by tenant and run. */
  readonly records?: ReadonlyMap<string, string>;
  readonly policies?: PolicyRegistry;
  /** The offline planner unless given. */
  readonly plannerOf?: Services["plannerOf"];
  readonly mcpServers?: McpRegistry;
  /** A tenant without exports and datasets unless given. */
  readonly training?: TrainingServices;
  /** New sessions answer their runs at once. */
  readonly autoAnswer?: string;
}

/** The registry of a tenant that has registered nothing. */
function configuredPlannerOnly(configured: ConfiguredPlanner): PolicyRegistry {
  const policy = { kind: "configured" as const, isActive: true, configured };
  const named = (version: string) => Promise.resolve(version === configured.version ? policy : null);
  return {
    resolve: async (_tenant, version = configured.version) =>
      version === configured.version ? { version, step: 0 } : null,
    register: () => Promise.reject(new Error("this world registers no policies")),
    get: (_tenant, version) => named(version),
    activate: (_tenant, version) => named(version),
    list: () => Promise.resolve({ policies: [policy], next: null }),
    datasetsMadeWith: () => Promise.resolve([]),
  };
}

/** Of a tenant that has connected nothing. */
const noMcpServers: McpRegistry = {
  register: () => Promise.reject(new Error("this world connects no servers")),
  list: () => Promise.resolve([]),
  remove: () => Promise.resolve(false),
};

function catalogueTool(name: string): CatalogueTool {
  return {
    name,
    description: "Runs a Python program.",
    limitations: [],
    best_practices: [],
    parameters: { type: "object" },
    timeout_seconds: 10,
    llm_backed: false,
    repeat: "safe",
    availability: { state: "ready" },
  };
}

function createIds() {
  let counter = 0;
  return {
    now: () => startMs,
    random(bytes: Uint8Array) {
      counter += 1;
      for (const index of bytes.keys()) {
        bytes[index] = (counter >> (index % 4 === 0 ? 0 : 8)) & 255;
      }
      return bytes;
    },
  };
}

export function createWorld(options: WorldOptions = {}): TestWorld {
  const clock = createTestClock();
  const sessions = new Map<string, FakeSession>();
  const keys = new Map<string, ApiKey>();
  const erased = new Set<string>();
  const logs: LogLine[] = [];
  const told: ToldReward[] = [];

  function session(tenant: string, sessionId: string): FakeSession {
    const name = `${tenant}/${sessionId}`;
    const found = sessions.get(name) ?? createFakeSession(sessionId);
    if (!sessions.has(name)) {
      found.autoAnswer = options.autoAnswer ?? null;
      sessions.set(name, found);
    }
    return found;
  }

  const tools = [catalogueTool("base_generator"), catalogueTool("python_coder")];
  const services: Services = {
    sessions: session,
    ledger: options.ledger ?? emptyLedger(erased),
    rewards: options.rewards ?? noRewards,
    records: { open: async (tenant, runId) => new Response(options.records?.get(`${tenant}/${runId}`) ?? null).body },
    tellReward: async (tenant, batchId, report) => {
      told.push({ tenant, batchId, ...report });
    },
    keys: { find: (id) => Promise.resolve(keys.get(id) ?? null) },
    ticketSecret: () => Promise.resolve("a secret of the test"),
    allowRequest: (rateKey) => Promise.resolve(world.hasQuota && !world.usedUp.has(rateKey)),
    probes: { d1: () => Promise.resolve(), r2: () => Promise.resolve() },
    tools,
    toolsFor: () => Promise.resolve({ tools, sources: [] }),
    toolHealth: () => Promise.resolve(new Map()),
    callTool: async (_tenant, name) =>
      name === "python_coder"
        ? { kind: "completed", result: "42", cut: false, producedBy: "cpython-test", ms: 1 }
        : null,
    policy: { version: "offline-0", step: 0 },
    ...(options.training ?? emptyTrainingServices()),
    ...endedBatch,
    plannerOf: options.plannerOf ?? (() => Promise.resolve("offline")),
    mcpServers: options.mcpServers ?? noMcpServers,
    policies: options.policies ?? configuredPlannerOnly({ version: "offline-0", model: "offline-planner/offline-0" }),
    facts: {
      version: "0.0.0-test",
      engines: { planner: { engine: "offline", model: "offline-0" } },
      features: ["sse"],
    },
    clock,
    ids: createIds(),
    log: (entry) => logs.push(entry),
    config: {
      allowAnonymous: options.keyed !== true,
      corsOrigins: options.corsOrigins ?? [],
      maxPolicyStaleness: 4,
      hasJudge: options.hasJudge ?? false,
    },
  };
  const app = createApp(services);
  const send = async (path: string, init: RequestInit) => app.request(`http://localhost:8787${path}`, init);
  const world: TestWorld = {
    app,
    services,
    clock,
    logs,
    erased,
    told,
    session,
    sessions,
    hasQuota: true,
    usedUp: new Set(),
    async addKey(tenant, scopes, keyOptions = {}) {
      const id = `key${String(keys.size).padStart(13, "0")}`;
      const secret = "s".repeat(32);
      const revoked_at = keyOptions.revoked === true ? "2026-11-01T00:00:00.000Z" : null;
      keys.set(id, ApiKey.parse({ key_id: id, secret_sha256: await sha256Hex(secret), tenant, scopes, revoked_at }));
      return formatApiKey({ id, secret });
    },
    post: (path, body, headers = {}) =>
      send(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    get: (path, headers = {}) => send(path, { headers }),
  };
  return world;
}

/** The only session there is, for tests that start one run and then look at it. */
export function onlySession(world: TestWorld): FakeSession {
  const [session] = world.sessions.values();
  if (session === undefined || world.sessions.size !== 1) {
    throw new Error(`expected one session, there are ${world.sessions.size}`);
  }
  return session;
}
