// The verifier's v. A verdict that cannot be read never stops a run: it counts as `continue`.

import { emptyAnalysis, verdictReply } from "../engines/module-replies.ts";
import { ok } from "../lib/result.ts";
import { askFrozen } from "./ask-frozen.ts";
import type { StepContext } from "./call-module.ts";
import { toMemoryEntry } from "./memory-entry.ts";
import { verifierPrompt } from "./prompts/verifier.ts";
import { openTurn } from "./run-state.ts";
import type { StepOutcome } from "./steps.ts";

export async function verifyTurn(context: StepContext, turn: number): Promise<StepOutcome> {
  const { state } = context.deps.log;
  const open = openTurn(state);
  if (open === null) {
    throw new Error(`turn ${turn} of ${state.runId} is not open`);
  }
  const prompt = verifierPrompt({
    query: state.spec.query,
    analysis: state.analysis ?? emptyAnalysis,
    memory: state.memory,
    step: toMemoryEntry(open),
  });
  const asked = await askFrozen(context, {
    role: "verifier",
    step: "verification",
    turn,
    prompt,
    schema: verdictReply,
  });
  if (!asked.ok) {
    return asked;
  }
  const { value, error, parse, model, usage, calls } = asked.value;
  const payload = {
    conclusion: value?.conclusion ?? ("continue" as const),
    analysis: value?.analysis ?? `The verdict could not be read: ${error ?? ""}`,
    parse,
    model,
    usage,
  };
  return ok([{ type: "verification.completed", turn, ...payload, detail: { calls: [...calls] } }]);
}
