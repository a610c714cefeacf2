// The promise of the log: wherever a loop dies, before or after a commit, once or many times, the run ends as if
// nothing had happened, but for the recoveries that its log owns up to.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTerminal, type RunEvent } from "../../../src/agent/events.ts";
import { ok } from "../../../src/lib/result.ts";
import type { ChatRequest } from "../../../src/engines/engine.ts";
import type { Repeat, Tool } from "../../../src/tools/tool.ts";
import type { Crash } from "../../support/memory-log.ts";
import type { Script, Scripted } from "../../support/scripted-engine.ts";
import { toRolloutRecord } from "../../../src/training/rollout-record.ts";
import {
  answer,
  analysis,
  coder,
  command,
  limits,
  plan,
  type Play,
  type Played,
  playOn,
  searcher,
  verdict,
} from "./support.ts";

// Every reply follows from the request alone, so that a call made again is answered as the first time.
function script(plans: readonly Scripted[], change: Script = {}): Script {
  const inTurn = (request: ChatRequest): number => request.turn ?? 0;
  return {
    analyzer: () => analysis,
    planner: (request) => plans[inTurn(request) - 1] ?? plan(),
    executor: () => command("a", "b"),
    verifier: (request) => verdict(inTurn(request) >= plans.length ? "stop" : "continue"),
    generator: () => answer,
    ...change,
  };
}

const searching = plan({ tool_name: "wikipedia_search" });
const runs: readonly (readonly [string, Play])[] = [
  ["two turns of two calls", { script: script([plan(), plan()]), spec: { outputs: ["direct", "final"] } }],
  [
    "a malformed plan, an unknown tool, a refused command",
    { script: script([{ text: "?" }, plan({ tool_name: "x" }), searching, plan()]) },
  ],
  ["max_turns", { script: script([plan(), plan(), plan()]), spec: limits({ max_turns: 2 }) }],
  ["max_tokens", { script: script([plan(), plan(), plan()]), spec: limits({ max_tokens: 100 }) }],
  ["a context limit", { script: script([plan(), { error: "context_limit" }]) }],
  ["a failed engine", { script: script([plan(), { error: "engine_refused" }]) }],
  ["no plan at all", { script: { generator: () => answer }, spec: { outputs: ["base"] } }],
  [
    "failing tools",
    {
      script: script([plan(), searching]),
      tools: [coder({ timeoutMs: 5, run: () => new Promise(() => {}) }), searcher()],
    },
  ],
];

/** What must not depend on crashes: everything but numbers, times, and what was tried again. */
function essence(events: readonly RunEvent[]) {
  return events
    .filter((event) => event.type !== "step.retried")
    .map(({ seq: _seq, at: _at, ...event }) => ({ ...event, ms: null, queued_ms: null }));
}

function expectSound({ events, log, run }: Played): void {
  expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.filter((event) => isTerminal(event.type))).toEqual([events.at(-1)]);
  expect(toRolloutRecord(log.entries())?.num_turns).toBe(run.turns.filter((turn) => turn.plan !== null).length);
}

/** A planner reply that was logged for a turn is the only one that was sampled after it was logged. */
function expectNoResampling({
  engine,
  onCommitPlans,
}: Played & { onCommitPlans: readonly (readonly [number, number])[] }): void {
  for (const [turn, requestsSoFar] of onCommitPlans) {
    const later = engine.requests
      .slice(requestsSoFar)
      .filter((request) => request.role === "planner" && request.turn === turn);
    expect(later).toEqual([]);
  }
}

async function playWithCrashes(options: Play, crashAt: (append: number) => Crash | null): Promise<Played> {
  const logged: (readonly [number, number])[] = [];
  let asked = 0;
  const base = options.script;
  const counting: Script = Object.fromEntries(
    Object.entries(base).map(([role, part]) => [
      role,
      (request: ChatRequest, index: number): Scripted => {
        asked += 1;
        const reply = typeof part === "function" ? part(request, index) : part[index];
        if (reply === undefined) {
          throw new Error("a crash script answers by function");
        }
        return reply;
      },
    ]),
  );
  const played = await playOn({
    ...options,
    script: counting,
    crashAt,
    onCommit: (events) => {
      for (const event of events) {
        if (event.type === "plan.completed") {
          logged.push([event.turn ?? 0, asked]);
        }
      }
    },
  });
  expectNoResampling({ ...played, onCommitPlans: logged });
  return played;
}

describe.each(runs)("a run of %s", (_name, options) => {
  it("ends the same when it crashes at any append, before it or after it", async () => {
    const calm = await playOn(options);
    expectSound(calm);
    for (let at = 1; at <= calm.log.appends; at += 1) {
      for (const crash of ["before", "after"] as const) {
        const played = await playWithCrashes(options, (append) => (append === at ? crash : null));
        expect(played.crashes).toBe(1);
        expectSound(played);
        expect(essence(played.events)).toEqual(essence(calm.events));
      }
    }
  });

  it("ends the same when it crashes again and again", async () => {
    const calm = await playOn(options);
    const crashes = fc.dictionary(
      fc.integer({ min: 1, max: 40 }).map(String),
      fc.constantFrom<Crash>("before", "after"),
      { maxKeys: 8 },
    );
    await fc.assert(
      fc.asyncProperty(crashes, async (plannedCrashes) => {
        const played = await playWithCrashes(options, (append) => plannedCrashes[String(append)] ?? null);
        expectSound(played);
        expect(essence(played.events)).toEqual(essence(calm.events));
        expect(played.run.usage).toEqual(calm.run.usage);
      }),
      { numRuns: 15 },
    );
  });
});

describe("a tool call that a crash cut off", () => {
  async function crashInCall(repeat: Repeat): Promise<{ played: Played; keys: string[] }> {
    const keys: string[] = [];
    const tool: Tool = coder({
      repeat,
      async run(_args, context) {
        keys.push(context.idempotencyKey);
        return ok({ result: "42", producedBy: "test" });
      },
    });
    // The call's result is lost: the append that would have held it is the one that crashes.
    const options: Play = { script: script([plan()], { executor: () => command() }), tools: [tool] };
    const calm = await playOn(options);
    const holder = calm.events.findIndex((event) => event.type === "tool.completed");
    keys.length = 0;
    let committed = 1;
    let crashed = false;
    const played = await playOn({
      ...options,
      onCommit: (events) => {
        committed += events.length;
      },
      crashAt: () => {
        if (committed !== holder || crashed) {
          return null;
        }
        crashed = true;
        return "before";
      },
    });
    expect(played.crashes).toBe(1);
    return { played, keys };
  }

  it.each(["safe", "keyed"] as const)("is made again with the same key where the tool is `%s`", async (repeat) => {
    const { played, keys } = await crashInCall(repeat);
    expect(keys).toEqual([`${played.run.id}/1/0`, `${played.run.id}/1/0`]);
    expect(played.run.turns[0]).toMatchObject({ tool_status: "ok", calls: [{ status: "ok", result: "42" }] });
  });

  it("is not made again where the tool is `never`: its outcome is unknown, and the run goes on", async () => {
    const { played, keys } = await crashInCall("never");
    expect(keys).toHaveLength(1);
    expect(played.run.turns[0]).toMatchObject({
      tool_status: "outcome_unknown",
      calls: [{ status: "outcome_unknown", error: { code: "outcome_unknown" } }],
    });
    expect(played.run.status).toBe("completed");
    expect(played.events.filter((event) => event.type === "tool.started")).toHaveLength(1);
  });

  it("of `never` that comes after the recovered one is made as usual", async () => {
    let calls = 0;
    const tool = coder({
      repeat: "never",
      async run() {
        calls += 1;
        return ok({ result: "42", producedBy: "test" });
      },
    });
    let started = 0;
    const { run } = await playOn({
      script: script([plan()]),
      tools: [tool],
      onCommit: (events) => {
        started += events.filter((event) => event.type === "tool.started").length;
      },
      crashAt: () => {
        if (started !== 1) {
          return null;
        }
        started = 100;
        return "before";
      },
    });
    expect(run.turns[0]?.calls.map((call) => call.status)).toEqual(["outcome_unknown", "ok"]);
    expect(calls).toBe(2);
  });
});
