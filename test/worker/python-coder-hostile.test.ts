import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { hostilePrograms } from "../support/hostile-programs.ts";
import { createPythonSandbox } from "../support/python-runs.ts";

// A machine with little time to spare boots an interpreter in half a minute.
vi.setConfig({ testTimeout: 600_000 });

const python = createPythonSandbox(env, "hostile");
// Fuel and waiting decide here, whatever the machine. A program that ends by something else is given all it may need.
const limits = { timeMs: 100_000, waitMs: 500, maxFuel: 300 };
const patient = { timeMs: 100_000, waitMs: 60_000, maxFuel: 1e6 };

describe("a hostile program ends, and the next one works:", () => {
  test.each(hostilePrograms.map((program) => [program.title, program] as const))("%s", async (_title, program) => {
    const timed = program.ends.includes("time_limit") ? limits : patient;
    const answer = await python.run({ runId: "hostile", code: program.code, limits: timed });
    expect(program.ends).toContain(answer.end);
    const next = await python.run({ runId: "hostile", code: "1 + 1", limits: patient });
    expect(next).toMatchObject({ end: "completed", value: "2" });
  });
});

describe("a hostile program that ends well disturbs nothing when it runs again before its run's next one:", () => {
  const wellEnded = hostilePrograms.filter(({ ends }) => ends.every((end) => end === "completed"));
  test.each(wellEnded.map((program) => [program.title, program.code] as const))("%s", async (_title, code) => {
    // It waits, so that whatever is left would have its turn.
    const waits = "import asyncio\nawait asyncio.sleep(0.05)\n1 + 1";
    const next = await python.run({ earlierCode: [code], code: waits, limits: { ...patient, maxFuel: 300 } });
    expect(next).toMatchObject({ end: "completed", value: "2", replayed: 1 });
  });
});

test("fuel alone stops a program, for a clock that stands still", async () => {
  const answer = await python.run({
    code: "while True: pass",
    limits: { timeMs: 3_600_000, waitMs: 3_600_000, maxFuel: 50 },
  });
  expect(answer.end).toBe("time_limit");
  expect(answer.fuel).toBeGreaterThan(50);
  expect(answer.fuel).toBeLessThan(150);
});

test("fuel is the same for the same program, give or take what the machine's clock does", async () => {
  const code = "sum(i * i for i in range(2_000_000))";
  const fuels = [];
  for (const runId of ["fuel-1", "fuel-2"]) {
    fuels.push((await python.run({ runId, code, limits: patient })).fuel);
  }
  const [first = 0, second = 0] = fuels;
  expect(first).toBeGreaterThan(20);
  expect(Math.abs(first - second)).toBeLessThanOrEqual(2);
});

test("what was printed before a stop is kept", async () => {
  const answer = await python.run({
    code: 'print("so far")\nwhile True: pass',
    limits: { ...limits, waitMs: 3_600_000 },
  });
  expect(answer).toMatchObject({ end: "time_limit", stdout: "so far\n" });
});

test("an interpreter that ran out of memory can still be used by the same program", async () => {
  const code = "try:\n  x = list(range(10**7))\nexcept MemoryError:\n  x = 'caught'\nx";
  expect(await python.run({ code, limits: patient })).toMatchObject({ value: "'caught'" });
});
