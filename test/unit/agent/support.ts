// What the agent's tests share: a run's specification, tools that do as told, replies of the usual shape, and
// `play`, which runs a script to its end on a virtual clock. No assertions.

import * as z from "zod";
import type { AgentDeps, Delta } from "../../../src/agent/deps.ts";
import type { EventType, RunEvent } from "../../../src/agent/events.ts";
import type { RunObject } from "../../../src/agent/run-object.ts";
import type { Reference, RunSpec } from "../../../src/agent/run-spec.ts";
import { toRunObject } from "../../../src/agent/to-run-object.ts";
import { ok } from "../../../src/lib/result.ts";
import type { Tool } from "../../../src/tools/tool.ts";
import { type Crash, createMemoryLog, type MemoryLog, runToEnd } from "../../support/memory-log.ts";
import {
  createScriptedEngine,
  type Script,
  type Scripted,
  type ScriptedEngine,
} from "../../support/scripted-engine.ts";
import { createVirtualClock, type VirtualClock } from "../../support/virtual-clock.ts";

export const runId = "run_01khyb3m00000000000000test_0001";

export function spec(change: Partial<RunSpec> = {}): RunSpec {
  return {
    session_id: "ses_01khyb3m00000000000000test",
    query: "What is six times seven?",
    outputs: ["direct"],
    limits: { max_turns: 10, max_seconds: 300, max_tokens: 200_000 },
    tools: ["python_coder", "wikipedia_search"],
    policy: { version: "planner-7", step: 7 },
    sampling: { temperature: 0.7 },
    planner_structure: "guided",
    metadata: {},
    ...change,
  };
}

export function limits(change: Partial<RunSpec["limits"]>): Pick<RunSpec, "limits"> {
  return { limits: { ...spec().limits, ...change } };
}

const CodeArguments = z.strictObject({ code: z.string() });

/** A tool that answers 42; what a test cares about it changes. */
export function coder(change: Partial<Tool> = {}): Tool {
  return {
    name: "python_coder",
    description: "Runs a Python program and returns what it prints.",
    limitations: ["No network."],
    bestPractices: ["Print the result."],
    parameters: CodeArguments,
    timeoutMs: 20_000,
    llmBacked: false,
    repeat: "safe",
    run: async () => ok({ result: "42", producedBy: "cpython-test" }),
    ...change,
  };
}

export function searcher(change: Partial<Tool> = {}): Tool {
  return coder({
    name: "wikipedia_search",
    description: "Finds articles.",
    limitations: [],
    bestPractices: [],
    parameters: z.strictObject({ query: z.string() }),
    run: async () => ok({ result: { titles: ["Forty-two"] }, producedBy: "wikipedia" }),
    ...change,
  });
}

export const analysis: Scripted = {
  value: {
    summary: "A product.",
    required_skills: ["arithmetic"],
    relevant_tools: ["python_coder"],
    considerations: "",
  },
};

export function plan(change: { sub_goal?: string; tool_name?: string; context?: string } = {}): Scripted {
  const value = {
    justification: "because",
    context: "6 and 7",
    sub_goal: "multiply 6 by 7",
    tool_name: "python_coder",
  };
  return { value: { ...value, ...change } };
}

export function command(...codes: readonly string[]): Scripted {
  const calls = (codes.length === 0 ? ["print(6 * 7)"] : codes).map((code) => ({ arguments: { code } }));
  return { value: { analysis: "one call", calls } };
}

export function verdict(conclusion: "stop" | "continue", words = `I say ${conclusion}.`): Scripted {
  return { value: { analysis: words, conclusion } };
}

export const answer: Scripted = { text: "42" };

/** One turn that ends with `stop`, and the answer. A test changes the role that it is about. */
export function oneTurn(change: Script = {}): Script {
  return {
    analyzer: [analysis],
    planner: [plan()],
    executor: [command()],
    verifier: [verdict("stop")],
    generator: [answer],
    ...change,
  };
}

/** A script that answers every call for ever, the verifier always with `continue`. */
export function endless(change: Script = {}): Script {
  return {
    analyzer: () => analysis,
    planner: () => plan(),
    executor: () => command(),
    verifier: () => verdict("continue"),
    generator: () => answer,
    ...change,
  };
}

export interface Play {
  readonly script: Script;
  readonly spec?: Partial<RunSpec>;
  readonly tools?: readonly Tool[];
  readonly reference?: Reference;
  readonly crashAt?: (append: number) => Crash | null;
  readonly onCommit?: (events: readonly RunEvent[], play: { log: MemoryLog; abort: AbortController }) => unknown;
  readonly parts?: Partial<Pick<AgentDeps, "history" | "policy" | "random" | "engine" | "results">>;
  readonly clock?: VirtualClock;
  readonly abort?: AbortController;
}

export interface Played {
  readonly log: MemoryLog;
  readonly events: readonly RunEvent[];
  readonly types: readonly EventType[];
  readonly run: RunObject;
  readonly engine: ScriptedEngine;
  readonly clock: VirtualClock;
  readonly deltas: readonly Delta[];
  readonly crashes: number;
}

/** Runs to the end, then makes sure that the script was played to its end too. */
export async function play(options: Play): Promise<Played> {
  const played = await playOn(options);
  played.engine.done();
  return played;
}

/** As `play`, for scripts of which a crash or an abort may leave something over. */
export async function playOn(options: Play): Promise<Played> {
  const clock = options.clock ?? createVirtualClock();
  const engine = createScriptedEngine(options.script, clock);
  const abort = options.abort ?? new AbortController();
  const log: MemoryLog = createMemoryLog({
    runId,
    spec: spec(options.spec),
    clock,
    ...(options.reference === undefined ? {} : { reference: options.reference }),
    ...(options.crashAt === undefined ? {} : { crashAt: options.crashAt }),
    onCommit: (events) => options.onCommit?.(events, { log, abort }),
  });
  const deltas: Delta[] = [];
  const { crashes } = await runToEnd(log, {
    tenant: "acme",
    engine,
    tools: options.tools ?? [coder(), searcher()],
    history: [],
    reference: options.reference ?? null,
    clock,
    random: () => 0.5,
    onDelta: (delta) => deltas.push(delta),
    signal: abort.signal,
    ...options.parts,
  });
  const events = log.events();
  const types = events.map((event) => event.type);
  return { log, events, types, run: toRunObject(log.readState()), engine, clock, deltas, crashes };
}

/** The events of one type, typed as such. */
export function eventsOf<T extends EventType>(events: readonly RunEvent[], type: T) {
  return events.filter((event): event is Extract<RunEvent, { type: T }> => event.type === type);
}

/** The whole text of a request's prompt. */
export function promptText(request: { messages: readonly { content: string }[] } | undefined): string {
  return request?.messages.map((message) => message.content).join("\n") ?? "";
}
