// Query analysis, once per run. An analysis that cannot be read is no reason to fail: its text serves as summary.

import { analysisReply, emptyAnalysis } from "../engines/module-replies.ts";
import { ok } from "../lib/result.ts";
import { askFrozen } from "./ask-frozen.ts";
import type { StepContext } from "./call-module.ts";
import { elide, maxResultChars } from "./memory.ts";
import { analyzerPrompt } from "./prompts/analyzer.ts";
import type { StepOutcome } from "./steps.ts";

export async function analyzeQuery(context: StepContext): Promise<StepOutcome> {
  const { deps } = context;
  const prompt = analyzerPrompt({ query: deps.log.state.spec.query, tools: deps.tools, history: deps.history });
  const asked = await askFrozen(context, {
    role: "analyzer",
    step: "analysis",
    turn: null,
    prompt,
    schema: analysisReply,
  });
  if (!asked.ok) {
    return asked;
  }
  const { value, text, parse, model, usage, calls } = asked.value;
  const analysis = value ?? { ...emptyAnalysis, summary: elide(text, maxResultChars) };
  return ok([
    {
      type: "analysis.completed",
      turn: null,
      analysis,
      parse,
      model,
      usage,
      detail: { calls: [...calls] },
    },
  ]);
}
