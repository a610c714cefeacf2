// Plays a run by hand: the real prompts, the offline engine and real Python, but no loop, log or sandbox. What the
// loop does between the calls (command, status, memory) is done here in the simplest way.

import { expect } from "vitest";
import * as z from "zod";
import type { MemoryEntry } from "../../../../src/agent/memory.ts";
import {
  Analysis,
  Command,
  commandReply,
  Plan,
  planReply,
  Verdict,
  verdictReply,
} from "../../../../src/engines/module-replies.ts";
import { analyzerPrompt } from "../../../../src/agent/prompts/analyzer.ts";
import { executorPrompt } from "../../../../src/agent/prompts/executor.ts";
import { generatorPrompt } from "../../../../src/agent/prompts/generator.ts";
import { plannerPrompt } from "../../../../src/agent/prompts/planner.ts";
import type { Prompt } from "../../../../src/agent/prompts/prompt.ts";
import { parametersOf } from "../../../../src/agent/prompts/tool-card.ts";
import { verifierPrompt } from "../../../../src/agent/prompts/verifier.ts";
import type { ChatReply, ChatRequest, Engine, Role, SamplingWanted } from "../../../../src/engines/engine.ts";
import { noModel } from "../../../../src/engines/offline/modules/no-model.ts";
import type { Tool } from "../../../../src/tools/tool.ts";
import type { Python } from "./python.ts";

export function fakeTool(name: string, parameters: z.ZodType = z.strictObject({ query: z.string() })): Tool {
  const run = () => Promise.reject(new Error("The simulation runs tools itself."));
  const texts = { description: `Stands for ${name}.`, limitations: [], bestPractices: [] };
  return { name, ...texts, parameters, timeoutMs: 1000, llmBacked: false, repeat: "safe", run };
}

export const pythonCoder = fakeTool("python_coder", z.strictObject({ code: z.string() }));
export const baseGenerator = fakeTool("base_generator");

export const greedy: SamplingWanted = { temperature: 0, maxTokens: 2048 };

export function request(role: Role, prompt: Pick<Prompt, "messages">, more: Partial<ChatRequest> = {}): ChatRequest {
  return {
    role,
    runId: "run_1",
    turn: null,
    messages: prompt.messages,
    sampling: greedy,
    structure: "free",
    capture: "text",
    maxReplyBytes: 262_144,
    ...more,
  };
}

export async function call(engine: Engine, wanted: ChatRequest): Promise<ChatReply> {
  const reply = await engine.chat(wanted, new AbortController().signal);
  if (!reply.ok) {
    expect.fail(reply.error.detail);
  }
  return reply.value;
}

export interface Played {
  readonly answer: string;
  readonly stopped: boolean;
  readonly memory: readonly MemoryEntry[];
  readonly plans: readonly ChatReply[];
}

export interface PlayOptions {
  readonly engine: Engine;
  readonly python: Python;
  readonly sampling?: SamplingWanted;
  readonly maxTurns?: number;
  readonly tools?: readonly Tool[];
}

export async function play(query: string, options: PlayOptions): Promise<Played> {
  const { engine, python, sampling = greedy, maxTurns = 5, tools = [baseGenerator, pythonCoder] } = options;
  python.newRun();
  const analyzed = await call(engine, request("analyzer", analyzerPrompt({ query, tools, history: [] })));
  const analysis = Analysis.parse(JSON.parse(analyzed.text));
  const memory: MemoryEntry[] = [];
  const plans: ChatReply[] = [];
  let stopped = false;
  for (let turn = 1; turn <= maxTurns && !stopped; turn += 1) {
    const prompt = plannerPrompt({ query, analysis, tools, memory, turnsLeft: maxTurns - turn });
    const planned = await call(
      engine,
      request("planner", prompt, { turn, sampling, capture: "tokens", schema: planReply }),
    );
    plans.push(planned);
    const step = await act(query, turn, Plan.parse(JSON.parse(planned.text)), options);
    const judged = await call(
      engine,
      request("verifier", verifierPrompt({ query, analysis, memory, step }), { turn, schema: verdictReply }),
    );
    const verification = Verdict.parse(JSON.parse(judged.text));
    memory.push({ ...step, verification });
    stopped = verification.conclusion === "stop";
  }
  const reason = stopped ? null : "max_turns";
  const said = await call(
    engine,
    request("generator", generatorPrompt({ kind: "direct", query, analysis, memory, history: [], reason })),
  );
  return { answer: said.text, stopped, memory, plans };
}

async function act(
  query: string,
  turn: number,
  action: Plan,
  { engine, python, tools = [baseGenerator, pythonCoder] }: PlayOptions,
): Promise<MemoryEntry> {
  const tool = tools.find((candidate) => candidate.name === action.tool_name);
  if (tool === undefined) {
    expect.fail(`The planner named ${action.tool_name}, which is not in the catalogue.`);
  }
  const schema = commandReply(parametersOf(tool));
  const written = await call(engine, request("executor", executorPrompt({ query, action, tool }), { turn, schema }));
  const args: unknown = tool.parameters.parse(Command.parse(JSON.parse(written.text)).calls[0]?.arguments);
  const code = z.object({ code: z.string() }).safeParse(args);
  const result = code.success ? python.run(code.data.code) : noModel;
  const traceback = typeof result === "string" ? null : result.traceback;
  const error = traceback === null ? null : { code: "program_error", detail: traceback };
  return {
    turn,
    sub_goal: action.sub_goal,
    tool: tool.name,
    calls: [{ arguments: args, result: JSON.stringify(result), error, produced_by: "test" }],
    status: error === null ? "ok" : "error",
    error: null,
    verification: null,
    ms: 0,
  };
}
