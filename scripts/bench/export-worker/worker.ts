// The Worker in which an export is measured: the product's own exporter, a way to fill the stores with records, and the
// bound beside it. It checks no key; only the bench talks to it.

import * as z from "zod";
import { Exporter } from "../../../durable-objects/exporter.ts";
import type { Env } from "../../../src/env.ts";
import { createExportStore } from "../../../src/store/exports.ts";
import { createRecordStore, recordKey } from "../../../src/store/records.ts";
import { defaultAdvantageSpec, formatAdvantageSpec } from "../../../src/training/advantage-spec.ts";
import { writeBound } from "./bound.ts";
import {
  at,
  groupIdOf,
  rolloutsPerGroup,
  sampleRecord,
  sampleRollout,
  tenant,
  turnsPerRollout,
} from "./sample-records.ts";

export { Exporter };

/** Groups `from` up to but without `to`. */
const Slice = z.object({ from: z.int(), to: z.int() });
const exportId = "exp_bench";

const insertGroup = `
  INSERT INTO groups (group_id, tenant, batch_id, task_id, task_index, split, policy_version, policy_step,
    size_planned, created_at, closed_at, complete)
  VALUES (?1, '${tenant}', 'bat_bench', ?2, ?3, 'train', 'planner-1', 0, ${rolloutsPerGroup}, '${at}', '${at}', 1)`;
const insertRun = `
  INSERT INTO runs (run_id, tenant, session_id, status, query, created_at, ended_at, max_seconds, policy_version, turns,
    record_key, record_sha256, batch_id, group_id, task_id, rollout_index, rollout_attempt, reward, reward_kind)
  VALUES (?1, '${tenant}', ?2, 'completed', '', '${at}', '${at}', 300, 'planner-1', ${turnsPerRollout},
    ?3, ?4, 'bat_bench', ?5, ?6, ?7, 1, ?8, 'exact')`;

async function prepareGroup(env: Env, group: number): Promise<void> {
  const records = createRecordStore(env.BUCKET);
  const groupId = await groupIdOf(group);
  const task = `task-${group}`;
  const statements = [env.DB.prepare(insertGroup).bind(groupId, task, group)];
  for (let index = 0; index < rolloutsPerGroup; index += 1) {
    const rollout = await sampleRollout(group, index);
    const { key, sha256 } = await records.put(tenant, rollout.runId, sampleRecord(group, rollout));
    const values = [rollout.runId, rollout.sessionId, key, sha256, groupId, task, index, rollout.reward];
    statements.push(env.DB.prepare(insertRun).bind(...values));
  }
  await env.DB.batch(statements);
}

async function startExport(env: Env): Promise<void> {
  await createExportStore(env.DB).create({
    export_id: exportId,
    tenant,
    trigger: "request",
    created_at: at,
    request: {
      kind: "claim",
      advantage_spec: formatAdvantageSpec(defaultAdvantageSpec),
      options: { min_valid: null, allow_partial: false, max_staleness: 4, pass_at: 1 },
      batch_id: null,
      policy_version: null,
      closed_before: null,
    },
  });
  await env.EXPORTER.get(env.EXPORTER.idFromName(exportId)).wake(tenant, exportId);
}

async function boundOf(env: Env, { from, to }: z.infer<typeof Slice>): Promise<number> {
  const rollouts = [];
  for (let group = from; group < to; group += 1) {
    for (let index = 0; index < rolloutsPerGroup; index += 1) {
      const { groupId, runId } = await sampleRollout(group, index);
      const names = { group_id: groupId, task_id: `task-${group}`, rollout_id: runId, rollout_index: index };
      rollouts.push({ key: recordKey(tenant, runId), names });
    }
  }
  return writeBound(env.BUCKET, `bound/turns-${from}.parquet`, rollouts);
}

async function answer(request: Request, env: Env): Promise<unknown> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/prepare": {
      const { from, to } = Slice.parse(await request.json());
      for (let group = from; group < to; group += 1) {
        await prepareGroup(env, group);
      }
      return {};
    }
    case "/export":
      await startExport(env);
      return {};
    case "/state":
      return createExportStore(env.DB).find(tenant, exportId);
    case "/bound":
      return { rows: await boundOf(env, Slice.parse(await request.json())) };
    default:
      return null;
  }
}

export default {
  fetch: async (request: Request, env: Env) => Response.json(await answer(request, env)),
};
