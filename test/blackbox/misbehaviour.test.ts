// A model server that misbehaves, for the planner, the frozen modules, the generator and a tool's model: the run
// ends in the right state, with a code, with an answer where DESIGN section 3 promises one, and in bounded time.

import { beforeAll, describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/agent/events.ts";
import type { RunObject } from "../../src/agent/run-object.ts";
import { lazily } from "./support/lazily.ts";
import { answer, type Case, cases, hangingCases, nameOf } from "./support/misbehaviours.ts";
import { withMock, type WithMock } from "./support/with-mock.ts";

interface Ended {
  readonly run: RunObject;
  readonly log: readonly RunEvent[];
}

type NamedCase = Case & { readonly name: string };
const named = (list: readonly Case[]): NamedCase[] => list.map((one, index) => ({ ...one, name: nameOf(one, index) }));

/** The mock knows a case by its name, which is the run's query, and counts the calls that met it. */
function misbehave({ mock }: WithMock, known: readonly NamedCase[]): void {
  const met = new Map<string, number>();
  mock.on("*", (request) => {
    const prompt = JSON.stringify(request.body["messages"]);
    const found = known.find(({ name }) => prompt.includes(name));
    if (found?.role === "tool" && request.role === "executor") {
      // A tool's model sees nothing of the run but the call.
      return { json: { analysis: "", calls: [{ arguments: { query: found.name } }] } };
    }
    if (found === undefined || found.role !== request.role) {
      return null;
    }
    const count = (met.get(found.name) ?? 0) + 1;
    met.set(found.name, count);
    return count > (found.times ?? Number.POSITIVE_INFINITY) ? null : found.fault;
  });
}

async function solve({ api }: WithMock, { name, max_turns = 3 }: NamedCase): Promise<Ended> {
  const limits = { max_turns, max_seconds: 300 };
  const { id } = await api.start({ query: name, tools: ["base_generator"], limits });
  const run = await api.ended(id);
  return { run, log: await api.events(id) };
}

/** Runs at once; more would only wait for each other on a small machine. */
const width = 8;

/** What came of a run, as far as the case says what should. */
function endOf({ run, log }: Ended, { ends }: NamedCase): Case["ends"] {
  const { status, error, reason, answer: said, turns } = run;
  const retried = log.flatMap((event) => (event.type === "step.retried" ? [event.reason] : []));
  return {
    status,
    ...(error === undefined ? {} : { code: error.code }),
    ...(reason === undefined ? {} : { reason }),
    answer: said,
    ...(ends.retried === undefined ? {} : { retried }),
    ...(ends.turns === undefined ? {} : { turns: turns.map((turn) => turn.tool_status) }),
  };
}

describe("a model server that misbehaves, and limits", () => {
  const service = withMock({ ENGINE_TIMEOUT_SECONDS: "120" });
  const list = named(cases);
  const solved = lazily(list, width, (one) => solve(service, one));
  beforeAll(() => misbehave(service, list));

  test.each(list)("$name", async (one) => {
    expect(endOf(await solved(one), one)).toEqual(one.ends);
  });

  test("limits: max_turns: after the last turn", async () => {
    service.mock.reset();
    service.mock.on("verifier", { json: { analysis: "Not yet.", conclusion: "continue" } });
    const run = await service.api.solve({
      query: "Never enough",
      tools: ["base_generator"],
      limits: { max_turns: 1 },
    });
    expect(run).toMatchObject({ status: "incomplete", reason: "max_turns", answer });
    expect(run.turns).toHaveLength(1);
  });

  test("limits: max_tokens: no turn begins once they are spent", async () => {
    service.mock.reset();
    const run = await service.api.solve({ query: "Dear", tools: ["base_generator"], limits: { max_tokens: 1 } });
    expect(run).toMatchObject({ status: "incomplete", reason: "max_tokens", answer, turns: [] });
  });

  test("limits: max_seconds: a planner that hangs is interrupted", async () => {
    service.mock.reset();
    service.mock.on("planner", { fault: "hang" });
    const limits = { max_seconds: 5 };
    const run = await service.api.solve({ query: "Hang", tools: ["base_generator"], limits });
    expect(run).toMatchObject({ status: "incomplete", reason: "max_seconds", answer });
    const planning = service.mock.requestsOf("planner").filter((request) => request.run === run.id);
    expect(planning.map((request) => request.cut)).toEqual([true]);
  });

  test("limits: max_seconds with a generator that hangs too: failed, with the engine's code", async () => {
    service.mock.reset();
    service.mock.on("planner", { fault: "hang" });
    service.mock.on("generator", { fault: "hang" });
    const run = await service.api.solve({ query: "Hang for good", limits: { max_seconds: 1 } });
    expect(run).toMatchObject({ status: "failed", error: { code: "engine_timeout" }, answer: null });
  });
});

describe("a model server that hangs", () => {
  const service = withMock({ ENGINE_TIMEOUT_SECONDS: "3" });
  const list = named(hangingCases);
  const solved = lazily(list, width, (one) => solve(service, one));
  beforeAll(() => misbehave(service, list));

  test.each(list)("$name: engine_timeout after four tries", async (one) => {
    const { run, log } = await solved(one);
    expect(endOf({ run, log }, one)).toEqual(one.ends);
    const retried = log.filter((event) => event.type === "step.retried" && event.role === one.role);
    expect(retried.slice(-3).map((event) => "reason" in event && event.reason)).toEqual(
      Array.from({ length: 3 }, () => "engine_timeout"),
    );
    // What hangs is hung up on, so that nothing piles up on the server.
    const calls = service.mock.requestsOf(one.role).filter((request) => request.run === run.id);
    expect(calls.slice(-4).map((request) => request.cut)).toEqual([true, true, true, true]);
  });
});
