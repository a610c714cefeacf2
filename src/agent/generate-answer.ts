// The generator: o ~ G(o | q, M), streamed. It runs after a `stop` and after a limit alike.

import { ok } from "../lib/result.ts";
import { frozenSampling } from "./ask-frozen.ts";
import { callModule, type StepContext } from "./call-module.ts";
import type { IncompleteReason } from "./events.ts";
import { elide, type MemoryEntry } from "./memory.ts";
import { asText } from "./memory-entry.ts";
import { generatorPrompt } from "./prompts/generator.ts";
import type { OutputKind } from "./run-spec.ts";
import type { StepOutcome } from "./steps.ts";

/** What a generator is shown and allowed when the context is full. */
const briefTurns = 3;
const briefResultChars = 500;
const briefTokens = 512;

function inBrief(memory: readonly MemoryEntry[]): MemoryEntry[] {
  return memory.slice(-briefTurns).map((entry) => ({
    ...entry,
    calls: entry.calls.map((call) => ({
      ...call,
      arguments: elide(asText(call.arguments), briefResultChars),
      result: call.result === null ? null : elide(call.result, briefResultChars),
    })),
  }));
}

export async function generateAnswer(
  context: StepContext,
  output: OutputKind,
  reason: IncompleteReason | null,
): Promise<StepOutcome> {
  const { deps } = context;
  const { spec, analysis, memory } = deps.log.state;
  const prompt = generatorPrompt({
    kind: output,
    query: spec.query,
    analysis,
    // A context that was full for the planner is full for the generator: it gets the last turns, in brief.
    memory: reason === "context_limit" ? inBrief(memory) : memory,
    history: reason === "context_limit" ? [] : deps.history,
    reason,
  });
  const called = await callModule(context, {
    role: "generator",
    step: "answer",
    turn: null,
    prompt,
    sampling: { ...frozenSampling, ...(reason === "context_limit" ? { maxTokens: briefTokens } : {}) },
    structure: "free",
    capture: "text",
    onDelta: (text) => {
      deps.onDelta({ type: "answer.delta", turn: null, output, text });
    },
  });
  if (!called.ok) {
    return called;
  }
  const { reply, call } = called.value;
  const payload = { output, text: reply.text.trim().toWellFormed(), model: reply.modelServed, usage: reply.usage };
  return ok([{ type: "answer.completed", turn: null, ...payload, detail: { calls: [call] } }]);
}
