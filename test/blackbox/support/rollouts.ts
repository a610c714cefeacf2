// Batches as a caller uses them, every reply checked against the schema that the service publishes.

import { DatabaseSync } from "node:sqlite";
import { globSync } from "node:fs";
import { join } from "node:path";
import type * as z from "zod";
import { Group } from "../../../src/http/rollout-wire.ts";
import { pageOf } from "../../../src/http/wire.ts";
import { type BatchEvent, BatchEventSchema } from "../../../src/training/batch-events.ts";
import { Batch } from "../../../src/training/batch-object.ts";
import { until } from "../../support/until.ts";
import { type Api, read } from "./api.ts";

const GroupPage = pageOf(Group);
const EventPage = pageOf(BatchEventSchema);

export async function startBatch(api: Api, body: unknown, headers: Record<string, string> = {}): Promise<Batch> {
  return read(Batch, await api.send("POST", "/v1/rollouts", { body, headers }), 202);
}

export async function readBatch(api: Api, id: string): Promise<Batch> {
  return read(Batch, await api.send("GET", `/v1/rollouts/${id}`), 200);
}

/** The batch once `isSo` holds. */
export function batchWhen(api: Api, id: string, what: string, isSo: (batch: Batch) => boolean): Promise<Batch> {
  return until(
    `${id} ${what}`,
    async () => {
      const seen = await readBatch(api, id);
      return isSo(seen) ? seen : null;
    },
    300_000,
  );
}

export async function readGroups(api: Api, id: string): Promise<Group[]> {
  const groups: Group[] = [];
  for (let cursor = ""; ;) {
    const path = `/v1/groups?batch_id=${id}&limit=100${cursor}`;
    const page: z.infer<typeof GroupPage> = await read(GroupPage, await api.send("GET", path), 200);
    groups.push(...page.data);
    if (page.next_cursor === null) {
      return groups;
    }
    cursor = `&cursor=${page.next_cursor}`;
  }
}

export async function readBatchEvents(api: Api, id: string): Promise<BatchEvent[]> {
  const path = `/v1/rollouts/${id}/events?limit=500`;
  return (await read(EventPage, await api.send("GET", path, { headers: { accept: "application/json" } }), 200)).data;
}

/** Keys of the rollout records that lie in R2. The server must not be running. */
export function recordKeys(stateDir: string): string[] {
  return globSync(join(stateDir, "**/r2/**/*.sqlite")).flatMap((file) => {
    const db = new DatabaseSync(file, { readOnly: true });
    const hasObjects = db.prepare("SELECT 1 FROM sqlite_master WHERE name = '_mf_objects'").all().length > 0;
    const rows = hasObjects ? db.prepare("SELECT key FROM _mf_objects WHERE key LIKE 'records/%'").all() : [];
    db.close();
    return rows.map((row) => String(row["key"]));
  });
}
