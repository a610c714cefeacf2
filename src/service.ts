// The composition root of the HTTP side: the application over this isolate's bindings, and the cron's sweep.

import type { SessionApi } from "../durable-objects/session-api.ts";
import { Role } from "./engines/engine.ts";
import type { Env } from "./env.ts";
import { createApp } from "./http/app.ts";
import type { App } from "./http/mount.ts";
import type { RoleEngine, Services } from "./http/services.ts";
import { toCatalogueEntry } from "./http/tool-catalogue.ts";
import { createTtlCache } from "./lib/ttl-cache.ts";
import { createParts, type Parts } from "./parts.ts";
import { type ApiKey, createKeyStore } from "./store/keys.ts";
import { createLedger, type Ledger } from "./store/ledger.ts";
import { createRecordStore } from "./store/records.ts";
import { readServiceSecret } from "./store/service-secret.ts";

/** DESIGN section 4: keys may be half a minute old. */
const keyCacheMs = 30_000;
const maxCachedKeys = 10_000;
/** At most six requests may wait for headers in one invocation (platform limit). */
const sweepWidth = 6;

export interface Service {
  readonly app: App;
  /** The cron: wakes sessions whose runs should have ended by now. */
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
    sweep: (nowMs) => wakeOverdue(env, ledger, nowMs),
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
    keys: createKeyStore(env.DB, keyCache),
    ticketSecret: async () =>
      configuredSecret === ""
        ? secretCache.get("ticket", () => readServiceSecret(env.DB, "ticket", random))
        : configuredSecret,
    allowRequest: async (rateKey) => (await env.RATE_LIMIT.limit({ key: rateKey })).success,
    probes: { ledger: () => ledger.ping(), records: () => createRecordStore(env.BUCKET).ping() },
    tools: parts.tools.map(toCatalogueEntry),
    policy: parts.policy,
    facts: { version: "0.1.0", engines: enginesOf(parts), features: ["solve", "sse", "sessions"] },
    clock,
    ids: { now: clock.now, random },
    log: (entry) => {
      console.error(JSON.stringify({ ...entry, cause: entry.cause === undefined ? undefined : describe(entry.cause) }));
    },
    config: {
      allowAnonymous: env.ALLOW_ANONYMOUS === "1",
      corsOrigins: (env.CORS_ORIGINS ?? "").split(",").flatMap((origin) => origin.trim() || []),
    },
  };
}

function sessionOf(env: Env, tenant: string, sessionId: string): SessionApi {
  return env.SESSION.getByName(`${tenant}/${sessionId}`);
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

async function wakeOverdue(env: Env, ledger: Ledger, nowMs: number): Promise<void> {
  const overdue = await ledger.overdue(nowMs);
  const names = [...new Set(overdue.map((run) => `${run.tenant}/${run.session_id}`))];
  for (let start = 0; start < names.length; start += sweepWidth) {
    const woken = names.slice(start, start + sweepWidth).map((name) => env.SESSION.getByName(name).wake());
    // One session that cannot be woken must not keep the others asleep; the next cron asks again.
    await Promise.allSettled(woken);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
