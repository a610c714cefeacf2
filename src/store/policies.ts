// Planner versions in D1, the weights of offline ones in R2 (a row of D1 would hold most of them and choke on the
// rest). Rows are inserted and never changed; only which one is active moves.

import * as z from "zod";
import { canonicalJson } from "../lib/canonical-json.ts";
import { RegisteredPolicy, type StoredEndpoint } from "../policies/registration.ts";
import { guardStore } from "./store-fault.ts";

export interface NewPolicy {
  readonly tenant: string;
  readonly version: string;
  readonly endpoint: StoredEndpoint;
  readonly sha256: string;
  readonly createdAt: string;
  readonly datasets: readonly string[];
}

/** Methods throw StoreFault when D1 or R2 fails. */
export interface PolicyStore {
  /** The row that stands in the end: this one, or the one that had the name first. */
  insert(policy: NewPolicy): Promise<RegisteredPolicy>;
  find(tenant: string, version: string): Promise<RegisteredPolicy | null>;
  /** Newest first. */
  list(tenant: string, page: { readonly before: number | null; readonly limit: number }): Promise<RegisteredPolicy[]>;
  /** Null: the configured planner. */
  active(tenant: string): Promise<{ readonly version: string; readonly step: number } | null>;
  /** Null goes back to the configured planner. False: there is no such version. */
  activate(tenant: string, version: string | null, at: string): Promise<boolean>;
  unknownDatasets(tenant: string, ids: readonly string[]): Promise<string[]>;
  /** Datasets that hold rollouts of this version, newest first, a hundred at most. */
  datasetsMadeWith(tenant: string, version: string): Promise<string[]>;
  putWeights(key: string, weights: unknown): Promise<void>;
  /** Null where nothing lies under the key. */
  readWeights(key: string): Promise<unknown>;
}

// One statement takes the next step and the name together: two registrations at once cannot get the same.
const insertPolicy = `
  INSERT INTO policies (tenant, version, policy_step, endpoint, sha256, created_at)
  SELECT ?1, ?2, COALESCE(MAX(policy_step), 0) + 1, ?3, ?4, ?5 FROM policies WHERE tenant = ?1
  ON CONFLICT (tenant, version) DO NOTHING`;

const insertDatasets = `
  INSERT INTO policy_datasets (tenant, version, dataset_id)
  SELECT ?1, ?2, value FROM json_each(?3)
  WHERE EXISTS (SELECT 1 FROM policies WHERE tenant = ?1 AND version = ?2 AND sha256 = ?4)
  ON CONFLICT DO NOTHING`;

const columns = `
  version, policy_step, endpoint, sha256, created_at,
  (SELECT json_group_array(dataset_id) FROM (SELECT dataset_id FROM policy_datasets AS trained
    WHERE trained.tenant = policies.tenant AND trained.version = policies.version ORDER BY dataset_id)) AS datasets`;

const selectPolicy = `SELECT ${columns} FROM policies WHERE tenant = ?1 AND version = ?2`;
const selectPage = `
  SELECT ${columns} FROM policies WHERE tenant = ?1 AND policy_step < ?2 ORDER BY policy_step DESC LIMIT ?3`;

const selectActive = `
  SELECT policies.version AS version, policies.policy_step AS step FROM active_policies
  JOIN policies ON policies.tenant = active_policies.tenant AND policies.version = active_policies.version
  WHERE active_policies.tenant = ?1`;

const upsertActive = `
  INSERT INTO active_policies (tenant, version, activated_at)
  SELECT ?1, ?2, ?3 WHERE ?2 IS NULL OR EXISTS (SELECT 1 FROM policies WHERE tenant = ?1 AND version = ?2)
  ON CONFLICT (tenant) DO UPDATE SET version = excluded.version, activated_at = excluded.activated_at`;

const selectUnknown = `
  SELECT value FROM json_each(?2)
  WHERE NOT EXISTS (SELECT 1 FROM datasets WHERE dataset_id = json_each.value AND tenant = ?1)`;

const selectMadeWith = `
  SELECT dataset_id FROM datasets
  WHERE tenant = ?1 AND deleted_at IS NULL
    AND EXISTS (SELECT 1 FROM groups WHERE groups.claim_id = datasets.claim_id AND groups.policy_version = ?2)
  ORDER BY created_at DESC, dataset_id DESC LIMIT 100`;

const Row = z
  .object({ ...RegisteredPolicy.shape, endpoint: z.string(), datasets: z.string() })
  .transform((row) =>
    RegisteredPolicy.parse({ ...row, endpoint: JSON.parse(row.endpoint), datasets: JSON.parse(row.datasets) }),
  );
const ActiveRow = z.object({ version: z.string(), step: z.int() });
const DatasetRow = z.object({ dataset_id: z.string() });
const ValueRow = z.object({ value: z.string() });

type WeightsStore = Pick<PolicyStore, "putWeights" | "readWeights">;

function createWeightsStore(bucket: R2Bucket): WeightsStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("records_unavailable", call);
  return {
    putWeights: (key, weights) =>
      guard(async () => {
        await bucket.put(key, canonicalJson(weights), { httpMetadata: { contentType: "application/json" } });
      }),
    readWeights: (key) =>
      guard(async () => {
        const object = await bucket.get(key);
        return object === null ? null : object.json();
      }),
  };
}

export function createPolicyStore(db: D1Database, bucket: R2Bucket): PolicyStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  const all = async (sql: string, ...values: readonly unknown[]) => {
    const { results } = await db
      .prepare(sql)
      .bind(...values)
      .all();
    return results;
  };
  return {
    ...createWeightsStore(bucket),
    insert: ({ tenant, version, endpoint, sha256, createdAt, datasets }) =>
      guard(async () => {
        const [, , stands] = await db.batch([
          db.prepare(insertPolicy).bind(tenant, version, canonicalJson(endpoint), sha256, createdAt),
          db.prepare(insertDatasets).bind(tenant, version, JSON.stringify(datasets), sha256),
          db.prepare(selectPolicy).bind(tenant, version),
        ]);
        return Row.parse(stands?.results[0]);
      }),
    find: (tenant, version) =>
      guard(async () => {
        const [row] = await all(selectPolicy, tenant, version);
        return row === undefined ? null : Row.parse(row);
      }),
    list: (tenant, { before, limit }) =>
      guard(async () => {
        const rows = await all(selectPage, tenant, before ?? Number.MAX_SAFE_INTEGER, limit);
        return rows.map((row) => Row.parse(row));
      }),
    active: (tenant) =>
      guard(async () => {
        const [row] = await all(selectActive, tenant);
        return row === undefined ? null : ActiveRow.parse(row);
      }),
    activate: (tenant, version, at) =>
      guard(async () => {
        const { meta } = await db.prepare(upsertActive).bind(tenant, version, at).run();
        return meta.changes > 0;
      }),
    unknownDatasets: (tenant, ids) =>
      guard(async () => {
        const rows = await all(selectUnknown, tenant, JSON.stringify(ids));
        return rows.map((row) => ValueRow.parse(row).value);
      }),
    datasetsMadeWith: (tenant, version) =>
      guard(async () => {
        const rows = await all(selectMadeWith, tenant, version);
        return rows.map((row) => DatasetRow.parse(row).dataset_id);
      }),
  };
}
