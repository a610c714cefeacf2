// Late rewards in D1: of judges, webhooks and people. A row is added in one statement that also asks whether the
// run has ended and whether its group is still unclaimed, so that nothing slips in beside an export's claim.

import * as z from "zod";
import { LateReward, RunReward } from "../agent/run-object.ts";
import { inForce, joinRewards } from "./reward-in-force.ts";
import type { NewReward } from "./reward-row.ts";
import { guardStore } from "./store-fault.ts";

/** A run's late rows are shown newest first, so many at most. */
const maxShownRows = 100;

/**
 * `repeated`: a row with this delivery key stands already. `claimed`: an export has frozen the group's rewards.
 * `not_ended`: the run's end has not reached the ledger. `unknown`: no such run of this tenant.
 */
export type RewardOutcome = "recorded" | "repeated" | "claimed" | "not_ended" | "unknown";

export interface RunRewards {
  /** Null where neither the log nor a late row has a value. */
  readonly inForce: RunReward | null;
  /** Newest first. */
  readonly late: readonly LateReward[];
  readonly isPending: boolean;
}

/** Where a run's batch is to be told of a reward. */
export interface RunPlace {
  readonly batch_id: string | null;
}

/** Methods throw StoreFault (`ledger_unavailable`) when D1 fails, and nothing else. */
export interface RewardStore {
  record(row: NewReward): Promise<{ readonly outcome: RewardOutcome; readonly place: RunPlace }>;
  /** The row under a delivery key, for whoever must know whether a repeat says the same. */
  delivered(deliveryKey: string): Promise<(LateReward & { readonly run_id: string }) | null>;
  /** Null where the ledger has no such run. */
  ofRun(tenant: string, runId: string): Promise<RunRewards | null>;
}

// WHERE also keeps SQLite from reading ON CONFLICT as part of a join.
const insertReward = `
  INSERT INTO rewards (tenant, run_id, source, kind, value, components, reason, error_code, judge_model,
    prompt_version, at, delivery_key)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12
  FROM runs LEFT JOIN groups ON groups.group_id = runs.group_id
  WHERE runs.run_id = ?2 AND runs.tenant = ?1 AND runs.ended_at IS NOT NULL AND groups.claim_id IS NULL
  ON CONFLICT (delivery_key) DO NOTHING
  RETURNING reward_id`;

/** The run is owed nothing more once it has any row: a value, or the reason why there will be none. */
const settlePending = `
  UPDATE runs SET reward_pending = 0
  WHERE run_id = ?1 AND tenant = ?2 AND reward_pending = 1 AND EXISTS (SELECT 1 FROM rewards WHERE run_id = ?1)`;

const selectPlace = `
  SELECT runs.batch_id, runs.ended_at, groups.claim_id,
    EXISTS (SELECT 1 FROM rewards WHERE delivery_key = ?3) AS is_repeated
  FROM runs LEFT JOIN groups ON groups.group_id = runs.group_id WHERE runs.run_id = ?1 AND runs.tenant = ?2`;

const rowColumns = "source, kind, value, components, reason, error_code, judge_model, prompt_version, at";

const Place = z.object({
  batch_id: z.string().nullable(),
  ended_at: z.string().nullable(),
  claim_id: z.string().nullable(),
  is_repeated: z.int(),
});

const jsonColumn = z
  .string()
  .nullable()
  .transform((text): unknown => (text === null ? null : JSON.parse(text)));
const StoredRow = z.object({ ...LateReward.shape, components: jsonColumn }).pipe(LateReward);
const StoredDelivery = z
  .object({ ...LateReward.shape, run_id: z.string(), components: jsonColumn })
  .pipe(LateReward.extend({ run_id: z.string() }));
const StoredInForce = z
  .object({ value: z.number(), kind: z.string(), source: z.string(), components: jsonColumn })
  .transform(({ components, ...rest }) => (components === null ? rest : { ...rest, components }))
  .pipe(RunReward);

function insertValues(row: NewReward): (string | number | null)[] {
  return [
    row.tenant,
    row.run_id,
    row.source,
    row.kind,
    row.value,
    row.components === null ? null : JSON.stringify(row.components),
    row.reason,
    row.error_code,
    row.judge_model,
    row.prompt_version,
    row.at,
    row.delivery_key,
  ];
}

async function record(db: D1Database, row: NewReward) {
  // One batch is one transaction.
  const [inserted, , found] = await db.batch([
    db.prepare(insertReward).bind(...insertValues(row)),
    db.prepare(settlePending).bind(row.run_id, row.tenant),
    db.prepare(selectPlace).bind(row.run_id, row.tenant, row.delivery_key),
  ]);
  const place = found?.results[0] === undefined ? null : Place.parse(found.results[0]);
  const isInserted = (inserted?.results.length ?? 0) > 0;
  return { outcome: isInserted ? ("recorded" as const) : whyNot(place), place: { batch_id: place?.batch_id ?? null } };
}

function whyNot(place: z.infer<typeof Place> | null): RewardOutcome {
  if (place === null) {
    return "unknown";
  }
  if (place.is_repeated === 1) {
    return "repeated";
  }
  return place.ended_at === null ? "not_ended" : "claimed";
}

async function ofRun(db: D1Database, tenant: string, runId: string): Promise<RunRewards | null> {
  const [now, late] = await db.batch([
    db
      .prepare(
        `SELECT ${inForce.reward} AS value, ${inForce.reward_kind} AS kind, ${inForce.reward_source} AS source,
           ${inForce.reward_components} AS components, runs.reward_pending
         FROM runs ${joinRewards} WHERE runs.run_id = ?1 AND runs.tenant = ?2`,
      )
      .bind(runId, tenant),
    db
      .prepare(
        `SELECT ${rowColumns} FROM rewards WHERE run_id = ?1 AND tenant = ?2
         ORDER BY reward_id DESC LIMIT ${maxShownRows}`,
      )
      .bind(runId, tenant),
  ]);
  const row = now?.results[0];
  if (row === undefined) {
    return null;
  }
  const standing = z.object({ value: z.number().nullable(), reward_pending: z.int() }).parse(row);
  return {
    inForce: standing.value === null ? null : StoredInForce.parse(row),
    late: (late?.results ?? []).map((one) => StoredRow.parse(one)),
    isPending: standing.reward_pending === 1,
  };
}

export function createRewardStore(db: D1Database): RewardStore {
  const guard = <T>(call: () => Promise<T>) => guardStore("ledger_unavailable", call);
  return {
    record: (row) => guard(() => record(db, row)),
    delivered: (deliveryKey) =>
      guard(async () => {
        const row = await db
          .prepare(`SELECT run_id, ${rowColumns} FROM rewards WHERE delivery_key = ?1`)
          .bind(deliveryKey)
          .first();
        return row === null ? null : StoredDelivery.parse(row);
      }),
    ofRun: (tenant, runId) => guard(() => ofRun(db, tenant, runId)),
  };
}
