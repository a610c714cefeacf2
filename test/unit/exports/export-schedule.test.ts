import { describe, expect, test } from "vitest";
import { type ExportSchedule, runExportSchedule } from "../../../src/training/export-schedule.ts";

const scheduledMs = Date.parse("2026-11-22T12:00:00.000Z");

function schedule(more: Partial<ExportSchedule> = {}) {
  const created: Parameters<ExportSchedule["create"]>[0][] = [];
  const woken: string[] = [];
  const asked: string[] = [];
  const full: ExportSchedule = {
    unended: () => Promise.resolve([]),
    tenantsWithGroups(closedBefore) {
      asked.push(closedBefore);
      return Promise.resolve(["acme", "other"]);
    },
    create(row) {
      created.push(row);
      return Promise.resolve();
    },
    wake(_tenant, exportId) {
      woken.push(exportId);
      return Promise.resolve();
    },
    waitMs: 600_000,
    maxStaleness: 3,
    ...more,
  };
  return { full, created, woken, asked };
}

describe("the schedule of exports", () => {
  test("leaves groups alone that closed within the waiting time, and says so to the claim", async () => {
    const { full, created, asked } = schedule();
    await runExportSchedule(full, scheduledMs);
    expect(asked).toEqual(["2026-11-22T11:50:00.000Z"]);
    expect(created.map(({ request }) => request)).toEqual(
      Array.from({ length: 2 }, () => ({
        kind: "claim",
        advantage_spec: "grpo/trajectory/std=n-1/eps=1e-6",
        options: { min_valid: null, allow_partial: false, max_staleness: 3, pass_at: 1 },
        batch_id: null,
        policy_version: null,
        closed_before: "2026-11-22T11:50:00.000Z",
      })),
    );
  });

  test("gives tenant and time one id, and another time another", async () => {
    const { full, created } = schedule();
    await runExportSchedule(full, scheduledMs);
    await runExportSchedule(full, scheduledMs);
    await runExportSchedule(full, scheduledMs + 900_000);
    const ids = created.map(({ export_id }) => export_id);
    expect(ids.slice(2, 4)).toEqual(ids.slice(0, 2));
    expect(new Set(ids).size).toBe(4);
  });

  test("wakes what has not ended, each once, even where one cannot be woken", async () => {
    const woken: string[] = [];
    const { full } = schedule({
      unended: () =>
        Promise.resolve(Array.from({ length: 20 }, (_, index) => ({ tenant: "acme", export_id: `exp_${index}` }))),
      tenantsWithGroups: () => Promise.resolve([]),
      wake(_tenant, exportId) {
        woken.push(exportId);
        return exportId === "exp_3" ? Promise.reject(new Error("it is being moved")) : Promise.resolve();
      },
    });
    await runExportSchedule(full, scheduledMs);
    expect(woken).toEqual(Array.from({ length: 20 }, (_, index) => `exp_${index}`));
  });
});
