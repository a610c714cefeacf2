import { expect, test } from "vitest";
import { maxCpuMs, patienceMsOf } from "../../src/tools/python-coder/job-bounds.ts";
import { replayLimitsOf } from "../../src/tools/python-coder/replay-limits.ts";
import { defaultPythonLimits as limits } from "../../src/tools/python-coder/tool.ts";

/** What Cloudflare grants an invocation at most. */
const platformCpuMs = 300_000;

test.each([0, 1, 5, 20, 1_000])(
  "with %i earlier programs patience ends before the processor time of a job",
  (count) => {
    const earlierCode = Array.from({ length: count }, () => "x = 1");
    const patienceMs = patienceMsOf({ limits, replayLimits: replayLimitsOf(limits, count), earlierCode });
    expect(patienceMs).toBeLessThan(maxCpuMs);
    expect(maxCpuMs).toBeLessThanOrEqual(platformCpuMs);
  },
);

test("patience is for a boot, for the program, and for earlier ones where there are any", () => {
  const replayLimits = { maxFuel: 1, waitMs: 20, timeMs: 300 };
  const job = { limits: { maxFuel: 1, waitMs: 4_000, timeMs: 50_000 }, replayLimits, earlierCode: [] };
  expect(patienceMsOf(job)).toBe(99_000);
  expect(patienceMsOf({ ...job, earlierCode: ["x = 1"] })).toBe(99_320);
});
