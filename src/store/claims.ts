// Claims in D1: which groups an export took, and what it froze of their rollouts. The claim is one transaction, so
// that two exports never share a group and no reward changes between the choice and the freezing; everything after
// it reads the frozen rows alone.

import * as z from "zod";
import { ExportOptions, type ClaimRequest, ExportTrigger } from "../training/export-request.ts";
import { inForce, joinRewards } from "./reward-in-force.ts";
import { guardStore } from "./store-fault.ts";

/** DESIGN section 6. */
const maxGroups = 5000;
/** What one INSERT of the transaction may write; D1 gives a query 30 s. At least one group is always taken. */
const maxRollouts = 50_000;

export const Claim = z.object({
  claim_id: z.string(),
  tenant: z.string(),
  claimed_at: z.string(),
  trigger: ExportTrigger,
  advantage_spec: z.string(),
  exporter_version: z.string(),
  /** The active policy's step when the claim was made. */
  policy_step: z.int(),
  options: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(ExportOptions),
});
export type Claim = z.infer<typeof Claim>;

export const ClaimedGroup = z.object({
  group_id: z.string(),
  batch_id: z.string(),
  task_id: z.string(),
  split: z.string(),
  policy_version: z.string(),
  policy_step: z.int(),
  size_planned: z.int(),
  complete: z.int().transform((value) => value === 1),
  quarantine_reason: z.string().nullable(),
});
export type ClaimedGroup = z.infer<typeof ClaimedGroup>;

export const ClaimedRollout = z.object({
  group_id: z.string(),
  rollout_index: z.int(),
  rollout_attempt: z.int(),
  run_id: z.string(),
  record_key: z.string().nullable(),
  record_sha256: z.string().nullable(),
  invalid_reason: z.string().nullable(),
  reward: z.number().nullable(),
  reward_kind: z.string().nullable(),
  reward_source: z.string().nullable(),
  /** JSON text. */
  reward_components: z.string().nullable(),
  judge_model: z.string().nullable(),
});
export type ClaimedRollout = z.infer<typeof ClaimedRollout>;

export interface NewClaim {
  readonly claim_id: string;
  readonly tenant: string;
  readonly claimed_at: string;
  readonly trigger: ExportTrigger;
  readonly request: ClaimRequest;
  readonly exporter_version: string;
}

/** All methods throw StoreFault (`ledger_unavailable`) when D1 fails. */
export interface ClaimStore {
  /** Claims once for each id, whatever happens in between. Null where there was nothing to claim. */
  claim(claim: NewClaim): Promise<Claim | null>;
  find(tenant: string, claimId: string): Promise<Claim | null>;
  count(claimId: string): Promise<{ groups: number; rollouts: number }>;
  /** Groups after `afterGroupId` in the order of their ids, with all their frozen rollouts in order. */
  page(claimId: string, afterGroupId: string, limit: number): Promise<ClaimPage>;
  /** Sets groups aside for good; the first reason stands. */
  quarantine(claimId: string, reasons: ReadonlyMap<string, string>): Promise<void>;
  /** Those of a claim that were set aside by now, with their reasons. */
  quarantined(claimId: string): Promise<Map<string, string>>;
}

export interface ClaimPage {
  readonly groups: readonly { readonly group: ClaimedGroup; readonly rollouts: readonly ClaimedRollout[] }[];
  readonly isLast: boolean;
}

// The oldest groups come first, as many as their planned rollouts allow. A claim that stands claims no more.
const claimGroups = (filters: string) => `
  UPDATE groups SET claim_id = ?1
  WHERE claim_id IS NULL AND NOT EXISTS (SELECT 1 FROM claims WHERE claim_id = ?1) AND group_id IN (
    SELECT group_id FROM (
      SELECT group_id, sum(size_planned) OVER (ORDER BY closed_at, group_id) - size_planned AS before FROM (
        SELECT group_id, size_planned, closed_at FROM groups
        WHERE tenant = ?2 AND split = 'train' AND claim_id IS NULL
          AND quarantine_reason IS NULL ${filters}
        ORDER BY closed_at, group_id LIMIT ${maxGroups}))
    WHERE before < ${maxRollouts})`;

const insertClaim = `
  INSERT INTO claims (claim_id, tenant, claimed_at, trigger, advantage_spec, exporter_version, policy_step, options)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6,
    coalesce((SELECT policies.policy_step FROM active_policies JOIN policies USING (tenant, version)
      WHERE active_policies.tenant = ?2), 0), ?7
  WHERE EXISTS (SELECT 1 FROM groups WHERE claim_id = ?1) ON CONFLICT (claim_id) DO NOTHING`;

/** All attempts that have ended, redone ones too. */
const freezeRollouts = `
  INSERT INTO claim_rollouts (claim_id, group_id, rollout_index, rollout_attempt, run_id, record_key, record_sha256,
    invalid_reason, reward, reward_kind, reward_source, reward_components, judge_model)
  SELECT ?1, runs.group_id, runs.rollout_index, runs.rollout_attempt, runs.run_id, runs.record_key,
    runs.record_sha256, ${inForce.invalid_reason}, ${inForce.reward}, ${inForce.reward_kind},
    ${inForce.reward_source}, ${inForce.reward_components}, ${inForce.judge_model}
  FROM groups JOIN runs ON runs.group_id = groups.group_id AND runs.tenant = groups.tenant ${joinRewards}
  WHERE groups.claim_id = ?1 AND runs.ended_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM claim_rollouts WHERE claim_id = ?1)`;

const groupColumns =
  "group_id, batch_id, task_id, split, policy_version, policy_step, size_planned, complete, quarantine_reason";

/** A group may wait for ever for a reward from outside; once its batch has ended a partial export may take it. */
function chosenBy(request: ClaimRequest): { filters: string; values: string[] } {
  const chosen: [sql: string, value: string | null][] = [
    ["batch_id =", request.batch_id],
    ["policy_version =", request.policy_version],
    ["closed_at <=", request.closed_before],
  ];
  const asked = chosen.flatMap(([sql, value]) => (value === null ? [] : [{ sql, value }]));
  const whole = request.options.allow_partial
    ? `AND (closed_at IS NOT NULL OR EXISTS (SELECT 1 FROM batches WHERE batches.batch_id = groups.batch_id
        AND batches.tenant = groups.tenant AND batches.ended_at IS NOT NULL)) `
    : "AND closed_at IS NOT NULL AND complete = 1 ";
  // ?1 and ?2 are the claim's and the tenant's.
  return {
    filters: whole + asked.map(({ sql }, index) => `AND ${sql} ?${index + 3}`).join(" "),
    values: asked.map(({ value }) => value),
  };
}

async function makeClaim(db: D1Database, claim: NewClaim): Promise<void> {
  const { claim_id, tenant, claimed_at, trigger, request, exporter_version } = claim;
  const { filters, values } = chosenBy(request);
  const frozen = [claimed_at, trigger, request.advantage_spec, exporter_version, JSON.stringify(request.options)];
  // One batch is one transaction.
  await db.batch([
    db.prepare(claimGroups(filters)).bind(claim_id, tenant, ...values),
    db.prepare(insertClaim).bind(claim_id, tenant, ...frozen),
    db.prepare(freezeRollouts).bind(claim_id),
  ]);
}

async function readPage(db: D1Database, claimId: string, after: string, limit: number): Promise<ClaimPage> {
  const found = await db
    .prepare(`SELECT ${groupColumns} FROM groups WHERE claim_id = ?1 AND group_id > ?2 ORDER BY group_id LIMIT ?3`)
    .bind(claimId, after, limit + 1)
    .all();
  const groups = found.results.slice(0, limit).map((row) => ClaimedGroup.parse(row));
  const rows = await db
    .prepare(
      `SELECT * FROM claim_rollouts WHERE claim_id = ?1 AND group_id > ?2 AND group_id <= ?3
       ORDER BY group_id, rollout_index, rollout_attempt`,
    )
    .bind(claimId, after, groups.at(-1)?.group_id ?? after)
    .all();
  const rollouts = Map.groupBy(
    rows.results.map((row) => ClaimedRollout.parse(row)),
    (rollout) => rollout.group_id,
  );
  return {
    groups: groups.map((group) => ({ group, rollouts: rollouts.get(group.group_id) ?? [] })),
    isLast: found.results.length <= limit,
  };
}

export function createClaimStore(db: D1Database): ClaimStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  const find: ClaimStore["find"] = async (tenant, claimId) => {
    const row = await guard(() =>
      db.prepare("SELECT * FROM claims WHERE tenant = ?1 AND claim_id = ?2").bind(tenant, claimId).first(),
    );
    return row === null ? null : Claim.parse(row);
  };
  return {
    find,
    async claim(claim) {
      await guard(() => makeClaim(db, claim));
      return find(claim.tenant, claim.claim_id);
    },
    async count(claimId) {
      const row = await guard(() =>
        db
          .prepare(
            `SELECT (SELECT count(*) FROM groups WHERE claim_id = ?1) AS groups,
              (SELECT count(*) FROM claim_rollouts WHERE claim_id = ?1) AS rollouts`,
          )
          .bind(claimId)
          .first(),
      );
      return z.object({ groups: z.int(), rollouts: z.int() }).parse(row);
    },
    page: (claimId, after, limit) => guard(() => readPage(db, claimId, after, limit)),
    async quarantine(claimId, reasons) {
      const pairs = JSON.stringify([...reasons]);
      await guard(() =>
        db
          .prepare(
            `UPDATE groups SET quarantine_reason = found.reason
             FROM (SELECT value ->> 0 AS group_id, value ->> 1 AS reason FROM json_each(?2)) AS found
             WHERE groups.group_id = found.group_id AND groups.claim_id = ?1 AND groups.quarantine_reason IS NULL`,
          )
          .bind(claimId, pairs)
          .run(),
      );
    },
    async quarantined(claimId) {
      const { results } = await guard(() =>
        db
          .prepare(
            "SELECT group_id, quarantine_reason FROM groups WHERE claim_id = ?1 AND quarantine_reason IS NOT NULL",
          )
          .bind(claimId)
          .all(),
      );
      return new Map(results.map((row) => [String(row["group_id"]), String(row["quarantine_reason"])]));
    },
  };
}
