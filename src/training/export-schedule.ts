// What the cron does for exports: wakes those that have not ended, and starts one for each tenant that has groups to
// export. The id of a started export is a hash of tenant and scheduled time, so that a cron that fires twice starts
// one. It knows no database and no object: both come in.

import { hashedId } from "../lib/ids.ts";
import { sha256 } from "../lib/sha256.ts";
import { defaultAdvantageSpec, formatAdvantageSpec } from "./advantage-spec.ts";
import { defaultPassAt, type ExportRequest } from "./export-request.ts";

/** At most six requests may wait for headers in one invocation (platform limit). */
const width = 6;

export interface ScheduledExport {
  readonly tenant: string;
  readonly export_id: string;
}

export interface ExportSchedule {
  readonly unended: () => Promise<readonly ScheduledExport[]>;
  readonly tenantsWithGroups: (closedBefore: string) => Promise<readonly string[]>;
  readonly create: (
    row: ScheduledExport & { readonly trigger: "cron"; readonly request: ExportRequest; readonly created_at: string },
  ) => Promise<unknown>;
  readonly wake: (tenant: string, exportId: string) => Promise<void>;
  readonly waitMs: number;
  readonly maxStaleness: number;
}

/** `scheduledMs` is the time for which the cron was planned, however late it comes. */
export async function runExportSchedule(schedule: ExportSchedule, scheduledMs: number): Promise<void> {
  const open = new Map((await schedule.unended()).map((one) => [one.export_id, one]));
  const closedBefore = new Date(scheduledMs - schedule.waitMs).toISOString();
  for (const tenant of await schedule.tenantsWithGroups(closedBefore)) {
    const export_id = hashedId("exp", await sha256(`cron\n${tenant}\n${scheduledMs}`));
    const request = scheduledRequest(closedBefore, schedule.maxStaleness);
    const created_at = new Date(scheduledMs).toISOString();
    await schedule.create({ tenant, export_id, trigger: "cron", request, created_at });
    open.set(export_id, { tenant, export_id });
  }
  const all = [...open.values()];
  for (let start = 0; start < all.length; start += width) {
    const woken = all.slice(start, start + width).map((one) => schedule.wake(one.tenant, one.export_id));
    // One that cannot be woken must not keep the others asleep; the next cron asks again.
    await Promise.allSettled(woken);
  }
}

function scheduledRequest(closedBefore: string, maxStaleness: number): ExportRequest {
  return {
    kind: "claim",
    advantage_spec: formatAdvantageSpec(defaultAdvantageSpec),
    options: { min_valid: null, allow_partial: false, max_staleness: maxStaleness, pass_at: defaultPassAt },
    batch_id: null,
    policy_version: null,
    closed_before: closedBefore,
  };
}
