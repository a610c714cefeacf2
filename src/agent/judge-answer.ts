// The LLM judge of a finished run. A verdict that cannot be read is asked for once more, with what was wrong; after
// that, and where there is no model to ask, the judge has failed, which is never a reward of 0.

import * as z from "zod";
import type { ChatReply, Engine, ReplySchema } from "../engines/engine.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { briefReason, type LateFault, type LateVerdict } from "../rewards/late-reward.ts";
import { withComplaint } from "./call-module.ts";
import { judgePrompt, type JudgeInput } from "./prompts/judge.ts";
import type { Prompt } from "./prompts/prompt.ts";

/** An analysis and a word. */
const maxReplyBytes = 64 * 1024;
const sampling = { temperature: 0, maxTokens: 2048 } as const;
/** Enough of a bad reply for the model to see what it did. */
const maxQuotedChars = 4000;

/** Models write the verdict as a word, as a boolean, and with a full stop. */
function toVerdict(value: unknown): unknown {
  return typeof value === "boolean" ? String(value) : typeof value === "string" ? wordOf(value) : value;
}

function wordOf(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z]/g, "");
}

const Judgement = z.object({
  analysis: z.string().default(""),
  verdict: z.preprocess(toVerdict, z.enum(["true", "false"])),
});
type Judgement = z.infer<typeof Judgement>;

const judgementReply: ReplySchema<Judgement> = {
  name: "judgement",
  json: {
    type: "object",
    properties: { analysis: { type: "string" }, verdict: { type: "string", enum: ["TRUE", "FALSE"] } },
    required: ["analysis", "verdict"],
    additionalProperties: false,
  },
  parse: Judgement,
  labels: { analysis: ["Analysis"], verdict: ["Verdict", "True/False", "Judgement"] },
};

export interface JudgeDeps {
  readonly engine: Engine;
  readonly runId: string;
}

export async function judgeAnswer(
  deps: JudgeDeps,
  input: JudgeInput,
  signal: AbortSignal,
): Promise<Result<LateVerdict, LateFault>> {
  const prompt = judgePrompt(input);
  const first = await ask(deps, prompt, signal);
  if (!first.ok) {
    return first;
  }
  const read = readJudgement(first.value);
  if (read.ok) {
    return ok(toLateVerdict(read.value, first.value, prompt));
  }
  const quoted = first.value.text.slice(0, maxQuotedChars).toWellFormed();
  const second = await ask(deps, withComplaint(prompt, quoted, read.error), signal);
  if (!second.ok) {
    return second;
  }
  const again = readJudgement(second.value);
  return again.ok
    ? ok(toLateVerdict(again.value, second.value, prompt))
    : err({
        code: "bad_verdict",
        detail: "the judge's replies hold no verdict",
        isRetryable: false,
        retryAfterMs: null,
      });
}

async function ask(deps: JudgeDeps, prompt: Prompt, signal: AbortSignal): Promise<Result<ChatReply, LateFault>> {
  const asked = await deps.engine.chat(
    {
      role: "judge",
      runId: deps.runId,
      turn: null,
      messages: prompt.messages,
      sampling,
      schema: judgementReply,
      structure: "guided",
      capture: "text",
      maxReplyBytes,
    },
    signal,
  );
  if (asked.ok) {
    return asked;
  }
  const { code, detail, retryable, retryAfterMs } = asked.error;
  // An abort comes from the time limit of one try.
  return err({ code, detail, isRetryable: retryable || code === "aborted", retryAfterMs });
}

function readJudgement({ parsed }: ChatReply): Result<Judgement, string> {
  if (parsed === null || parsed.how === "none") {
    return err(parsed?.error ?? "the reply has no structure");
  }
  const judgement = Judgement.safeParse(parsed.value);
  return judgement.success ? ok(judgement.data) : err(judgement.error.message);
}

function toLateVerdict({ analysis, verdict }: Judgement, reply: ChatReply, prompt: Prompt): LateVerdict {
  const value = verdict === "true" ? 1 : 0;
  return {
    value,
    components: { judge: value },
    reason: briefReason(analysis),
    judgeModel: reply.modelServed,
    promptVersion: prompt.version,
  };
}
