// The Worker's bindings and variables, by hand rather than generated, because the variables are optional and
// differ between `npm start`, tests and production. wrangler.toml names the bindings.

import type { Exporter } from "../durable-objects/exporter.ts";
import type { RolloutBatch } from "../durable-objects/rollout-batch.ts";
import type { SandboxPool } from "../durable-objects/sandbox-pool.ts";
import type { Session } from "../durable-objects/session.ts";

export interface Env {
  readonly SESSION: DurableObjectNamespace<Session>;
  readonly SANDBOX: DurableObjectNamespace<SandboxPool>;
  readonly BATCH: DurableObjectNamespace<RolloutBatch>;
  readonly EXPORTER: DurableObjectNamespace<Exporter>;
  readonly BUCKET: R2Bucket;
  readonly DB: D1Database;
  readonly LOADER: WorkerLoader;
  readonly ASSETS: Fetcher;
  readonly RATE_LIMIT: RateLimit;
  /** `1` lets requests without a key act as the tenant `local`; only `npm start` sets it, on a loopback host. */
  readonly ALLOW_ANONYMOUS?: string;
  /** Isolates for Python per tenant, 4 unless set. */
  readonly SANDBOX_POOL?: string;
  /** How long a silent loop is trusted before the alarm looks after it, 15 unless set. */
  readonly LEASE_SECONDS?: string;
  /** HMAC secret of event tickets; one is made and kept in D1 unless set. */
  readonly TICKET_SECRET?: string;
  /** The version under which the configured planner is logged; its model's name unless set. */
  readonly PLANNER_VERSION?: string;
  /** Origins that may call from a browser, comma separated; none unless set. */
  readonly CORS_ORIGINS?: string;
  /** Exact `host:port` that guarded fetches may reach though they are internal (docs/security.md). */
  readonly FETCH_ALLOW?: string;
  /** Names that guarded fetches never reach, and the only ones that they reach. */
  readonly FETCH_DENY_HOSTS?: string;
  readonly FETCH_ALLOW_HOSTS?: string;
  /** Ports of guarded fetches, 80 and 443 unless set. */
  readonly FETCH_PORTS?: string;
  /** DNS over HTTPS, JSON form, for the addresses behind a name; names are judged by their form alone unless set. */
  readonly FETCH_DNS_URL?: string;
  /** How long a complete group waits for late feedback before the schedule exports it, 600 unless set. */
  readonly EXPORT_WAIT_SECONDS?: string;
  /** Groups more policy steps behind the active one get no advantages, 4 unless set. */
  readonly MAX_POLICY_STALENESS?: string;
  /** Who is told that a dataset is ready, and the base64 secret that signs it (docs/exports.md); nobody unless set. */
  readonly DATASET_WEBHOOK_URL?: string;
  readonly DATASET_WEBHOOK_SECRET?: string;
  /** Web tools: src/tools/web-service/web-variables.ts, docs/tools.md. Read through `variablesOf`. */
  readonly WIKIPEDIA_LANGUAGE?: string;
  /** Connected servers, JSON lists (docs/tools.md). Read through `variablesOf`. */
  readonly MCP_SERVERS?: string;
  readonly OPENAPI_TOOLS?: string;
  /** Inference endpoints: `INFERENCE_*`, `<ROLE>_*` (docs/engines.md). Read through `variablesOf`. */
  readonly INFERENCE_BASE_URL?: string;
}

/** The string variables of an environment, for modules that read names they compute (`PLANNER_BASE_URL`). */
export function variablesOf(env: Env): Readonly<Record<string, string | undefined>> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (typeof value === "string") {
      variables[name] = value;
    }
  }
  return variables;
}
