// The generator: o ~ G(o | q, M), streamed. It runs after a `stop` and after a limit alike.

import { ok } from "../lib/result.ts";
import { frozenSampling } from "./ask-frozen.ts";
import { callModule, type StepContext } from "./call-module.ts";
import type { IncompleteReason } from "./events.ts";
import { generatorPrompt } from "./prompts/generator.ts";
import type { OutputKind } from "./run-spec.ts";
import type { StepOutcome } from "./steps.ts";

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
    memory,
    history: deps.history,
    reason,
  });
  const called = await callModule(context, {
    role: "generator",
    step: "answer",
    turn: null,
    prompt,
    sampling: { ...frozenSampling },
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
  const payload = { output, text: reply.text.trim(), model: reply.modelServed, usage: reply.usage };
  return ok([{ type: "answer.completed", turn: null, ...payload, detail: { calls: [call] } }]);
}
