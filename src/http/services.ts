// What the HTTP layer needs from outside, as one object. The entry builds it once per isolate from the bindings;
// tests build it from fakes. No handler knows what stands behind it.

import * as z from "zod";
import type { ExporterApi } from "../../durable-objects/export-api.ts";
import type { BatchApi, RewardReport } from "../../durable-objects/batch-api.ts";
import type { SessionApi } from "../../durable-objects/session-api.ts";
import type { AloneOutcome } from "../agent/call-alone.ts";
import type { PolicyRef } from "../agent/run-spec.ts";
import type { Clock } from "../engines/clock.ts";
import type { IdSource } from "../lib/ids.ts";
import type { PlannerKind } from "../policies/planner-kind.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import type { BatchList } from "../store/batches.ts";
import type { DatasetFiles } from "../store/dataset-files.ts";
import type { DatasetStore } from "../store/datasets.ts";
import type { ExportStore } from "../store/exports.ts";
import type { GroupStore } from "../store/groups.ts";
import type { KeyStore } from "../store/keys.ts";
import type { Ledger } from "../store/ledger.ts";
import type { RecordStore } from "../store/records.ts";
import type { RewardStore } from "../store/rewards.ts";
import type { McpRegistry } from "../tools/mcp/registry.ts";
import type { ToolHealth } from "../tools/web-service/watch-tool.ts";
import type { CatalogueTool, ToolCatalogue } from "./tool-catalogue.ts";

/** Who serves a role. */
export const RoleEngine = z.strictObject({ engine: z.string(), model: z.string() });
export type RoleEngine = z.infer<typeof RoleEngine>;

/** The facts that only the entry knows; `/v1/info` adds limits, tools and policy. */
export interface ServiceFacts {
  readonly version: string;
  /** By role: analyzer, planner, executor, verifier, generator, tool. */
  readonly engines: Readonly<Record<string, RoleEngine>>;
  readonly features: readonly string[];
}

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
  readonly request_id: string;
  readonly code: string;
  /** The inner reason; it goes to the log and nowhere else. */
  readonly cause?: unknown;
}

export interface Services {
  /** A stub of the session's object. Called anew for each try, for a stub may be broken. */
  sessions(tenant: string, sessionId: string): SessionApi;
  readonly ledger: Ledger;
  readonly rewards: RewardStore;
  readonly records: Pick<RecordStore, "open">;
  /** Tells a batch of a late reward; throws where its object cannot be reached. */
  tellReward(tenant: string, batchId: string, report: RewardReport): Promise<void>;
  readonly keys: KeyStore;
  /** HMAC secret of tickets, the same in every isolate. */
  ticketSecret(): Promise<string>;
  /** False when this key has used up its minute. */
  allowRequest(rateKey: string): Promise<boolean>;
  /** For `/readyz`: each must settle quickly and rejects when its store is down. */
  readonly probes: Readonly<Record<string, () => Promise<void>>>;
  /** Those that no server has to be asked for. */
  readonly tools: readonly CatalogueTool[];
  /** The same and those of the tenant's connected servers, which are asked where their lists are old. */
  toolsFor(tenant: string): Promise<ToolCatalogue>;
  /** By tool: how the services behind those of the deployment answered last. */
  toolHealth(): Promise<ReadonlyMap<string, ToolHealth>>;
  /** One call outside any run; null where there is no such tool. */
  callTool(tenant: string, name: string, args: unknown, signal: AbortSignal): Promise<AloneOutcome | null>;
  /** The configured planner, which serves until a tenant activates another. */
  readonly policy: PolicyRef;
  readonly policies: PolicyRegistry;
  /** What plays the planner of a run that is pinned to this version. */
  plannerOf(tenant: string, policy: PolicyRef): Promise<PlannerKind>;
  readonly mcpServers: McpRegistry;
  /** A stub of the batch's object. Called anew for each try, for a stub may be broken. */
  batches(tenant: string, batchId: string): BatchApi;
  readonly batchList: Pick<BatchList, "list">;
  readonly groups: GroupStore;
  readonly exports: ExportStore;
  /** A stub of the export's object. */
  exporter(tenant: string, exportId: string): ExporterApi;
  readonly datasets: DatasetStore;
  readonly datasetFiles: DatasetFiles;
  readonly facts: ServiceFacts;
  readonly clock: Clock;
  readonly ids: IdSource;
  log(entry: LogLine): void;
  readonly config: {
    /** No keys, one tenant `local`, loopback names only. */
    readonly allowAnonymous: boolean;
    readonly corsOrigins: readonly string[];
    /** Policy steps that a group may be behind the active one and still get advantages. */
    readonly maxPolicyStaleness: number;
    /** A model is configured that can judge answers. */
    readonly hasJudge: boolean;
  };
}
