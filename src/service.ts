// The composition root of the HTTP side: the application over this isolate's bindings, and the cron's sweep.

import type { ExporterApi } from "../durable-objects/export-api.ts";
import type { BatchApi } from "../durable-objects/batch-api.ts";
import type { SessionApi } from "../durable-objects/session-api.ts";
import { callAlone } from "./agent/call-alone.ts";
import { readEndpoint } from "./engines/endpoints.ts";
import { Role } from "./engines/engine.ts";
import { type Env, variablesOf } from "./env.ts";
import { createApp } from "./http/app.ts";
import type { App } from "./http/mount.ts";
import type { RoleEngine, Services } from "./http/services.ts";
import { toCatalogue, toCatalogueTool } from "./http/tool-catalogue.ts";
import { newId } from "./lib/ids.ts";
import { createTtlCache } from "./lib/ttl-cache.ts";
import { createParts, type Parts } from "./parts.ts";
import { createDatasetFiles } from "./store/dataset-files.ts";
import { createDatasetStore } from "./store/datasets.ts";
import { createExportStore } from "./store/exports.ts";
import { createBatchList } from "./store/batches.ts";
import { createGroupStore } from "./store/groups.ts";
import { type ApiKey, createKeyStore } from "./store/keys.ts";
import { createLedger, type Ledger } from "./store/ledger.ts";
import { createRecordStore } from "./store/records.ts";
import { createRewardStore } from "./store/rewards.ts";
import { readServiceSecret } from "./store/service-secret.ts";
import { defaultMaxStaleness } from "./training/export-request.ts";
import { runExportSchedule } from "./training/export-schedule.ts";

/** DESIGN section 4: keys may be half a minute old. */
const keyCacheMs = 30_000;
const maxCachedKeys = 10_000;
/** At most six requests may wait for headers in one invocation (platform limit). */
const sweepWidth = 6;
/** So that late feedback arrives before the claim (DESIGN section 6). */
const defaultExportWaitSeconds = 600;

/** What a client may ask about before it uses it: groups of routes, and how runs are followed. */
const features = ["solve", "sse", "sessions", "rollouts", "exports", "datasets", "policies", "feedback", "mcp_servers"];

export interface Service {
  readonly app: App;
  /** The cron: wakes what should have ended by now, and starts the exports that are due. */
  sweep(nowMs: number): Promise<void>;
}

// One application per isolate: bindings are the same for its whole life, and building it costs milliseconds.
const services = new WeakMap<Env, Service>();

export function createService(env: Env): Service {
  const known = services.get(env);
  if (known !== undefined) {
    return known;
  }
  const parts = createParts(env);
  const ledger = createLedger(env.DB);
  const service: Service = {
    app: createApp(createServices(env, parts, ledger)),
    sweep: (nowMs) =>
      inTurn([
        () => wakeOverdue(env, ledger, nowMs),
        () => wakeBatches(env),
        () => exportDue(env, nowMs),
        () => parts.toolResults.sweep(nowMs),
      ]),
  };
  services.set(env, service);
  return service;
}

function createServices(env: Env, parts: Parts, ledger: Ledger): Services {
  const random = <T extends Uint8Array>(bytes: T): T => crypto.getRandomValues(bytes);
  const { clock } = parts;
  const keyCache = createTtlCache<ApiKey | null>({ now: clock.now, ttlMs: keyCacheMs, maxEntries: maxCachedKeys });
  const secretCache = createTtlCache<string>({ now: clock.now, ttlMs: Infinity, maxEntries: 1 });
  const configuredSecret = env.TICKET_SECRET?.trim() ?? "";
  return {
    sessions: (tenant, sessionId) => sessionOf(env, tenant, sessionId),
    ledger,
    rewards: createRewardStore(env.DB),
    records: createRecordStore(env.BUCKET),
    tellReward: (tenant, batchId, report) => env.BATCH.getByName(`${tenant}/${batchId}`).rewardRecorded(report),
    keys: createKeyStore(env.DB, keyCache),
    ticketSecret: async () =>
      configuredSecret === ""
        ? secretCache.get("ticket", () => readServiceSecret(env.DB, "ticket", random))
        : configuredSecret,
    allowRequest: async (rateKey) => (await env.RATE_LIMIT.limit({ key: rateKey })).success,
    probes: { ledger: () => ledger.ping(), records: () => createRecordStore(env.BUCKET).ping() },
    tools: parts.tools.map(toCatalogueTool),
    toolsFor: async (tenant) => toCatalogue(await parts.toolProvider.toolsFor(tenant)),
    toolHealth: () => parts.toolHealth.read(),
    callTool: async (tenant, name, args, signal) => {
      const tool = await parts.toolProvider.toolNamed(tenant, name);
      return tool === null
        ? null
        : callAlone(parts, { tenant, callId: newId("call", { now: clock.now, random }), tool, args, signal });
    },
    policy: parts.policy,
    policies: parts.policies,
    plannerOf: parts.policies.plannerOf,
    mcpServers: parts.mcpServers,
    batches: (tenant, batchId) => batchOf(env, tenant, batchId),
    batchList: createBatchList(env.DB),
    groups: createGroupStore(env.DB),
    exports: createExportStore(env.DB),
    exporter: (tenant, exportId) => exporterOf(env, tenant, exportId),
    datasets: createDatasetStore(env.DB),
    datasetFiles: createDatasetFiles(env.BUCKET),
    facts: { version: "0.1.0", engines: enginesOf(parts), features },
    clock,
    ids: { now: clock.now, random },
    log: (entry) => {
      console.error(JSON.stringify({ ...entry, cause: entry.cause === undefined ? undefined : describe(entry.cause) }));
    },
    config: {
      allowAnonymous: env.ALLOW_ANONYMOUS === "1",
      corsOrigins: (env.CORS_ORIGINS ?? "").split(",").flatMap((origin) => origin.trim() || []),
      maxPolicyStaleness: wholeNumberOf(env.MAX_POLICY_STALENESS, defaultMaxStaleness),
      hasJudge: readEndpoint(variablesOf(env), "judge").kind === "hosted",
    },
  };
}

function sessionOf(env: Env, tenant: string, sessionId: string): SessionApi {
  return env.SESSION.getByName(`${tenant}/${sessionId}`);
}

function batchOf(env: Env, tenant: string, batchId: string): BatchApi {
  return env.BATCH.getByName(`${tenant}/${batchId}`);
}

function enginesOf({ engine }: Parts): Record<string, RoleEngine> {
  const roles = Role.options.filter((role) => role !== "judge");
  return Object.fromEntries(
    roles.map((role) => {
      const model = engine.modelOf(role);
      return [role, { engine: model.startsWith("offline") ? "offline" : "openai-compatible", model }];
    }),
  );
}

function exporterOf(env: Env, tenant: string, exportId: string): ExporterApi {
  return env.EXPORTER.getByName(`${tenant}/${exportId}`);
}

/** What is not a whole number from 0 on means the default. */
function wholeNumberOf(text: string | undefined, fallback: number): number {
  return /^\d{1,9}$/.test(text?.trim() ?? "") ? Number(text) : fallback;
}

/** A fault of one task must not keep the others from their turn; it is thrown when all have had it. */
async function inTurn(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const faults: unknown[] = [];
  for (const task of tasks) {
    await task().catch((error: unknown) => faults.push(error));
  }
  if (faults.length > 0) {
    throw new AggregateError(faults, "the sweep was not complete");
  }
}

async function exportDue(env: Env, scheduledMs: number): Promise<void> {
  const exports = createExportStore(env.DB);
  await runExportSchedule(
    {
      unended: () => exports.unended(),
      tenantsWithGroups: (closedBefore) => exports.tenantsWithGroups(closedBefore),
      create: (row) => exports.create(row),
      wake: (tenant, exportId) => exporterOf(env, tenant, exportId).wake(tenant, exportId),
      waitMs: 1000 * wholeNumberOf(env.EXPORT_WAIT_SECONDS, defaultExportWaitSeconds),
      maxStaleness: wholeNumberOf(env.MAX_POLICY_STALENESS, defaultMaxStaleness),
    },
    scheduledMs,
  );
}

async function wakeOverdue(env: Env, ledger: Ledger, nowMs: number): Promise<void> {
  const overdue = await ledger.overdue(nowMs);
  const names = [...new Set(overdue.map((run) => `${run.tenant}/${run.session_id}`))];
  await wakeAll(names, (name) => env.SESSION.getByName(name).wake());
}

async function wakeBatches(env: Env): Promise<void> {
  const open = await createBatchList(env.DB).open();
  await wakeAll(open, ({ tenant, batch_id }) => batchOf(env, tenant, batch_id).wake());
}

async function wakeAll<T>(objects: readonly T[], wake: (object: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < objects.length; start += sweepWidth) {
    const woken = objects.slice(start, start + sweepWidth).map(wake);
    // One object that cannot be woken must not keep the others asleep; the next cron asks again.
    await Promise.allSettled(woken);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
