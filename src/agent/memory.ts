// Memory M: what planner, verifier and generator see of the turns so far. M' = f(M, a, e, v) is deterministic
// (paper section 3.1 and appendix E.1.5); it is folded from the log and never stored.

import type { Conclusion } from "../engines/module-replies.ts";
import type { ErrorInfo, ToolStatus } from "./events.ts";

export interface MemoryCall {
  readonly arguments: unknown;
  /** The result's JSON text, elided to `maxResultChars`; null where there was none. */
  readonly result: string | null;
  readonly error: ErrorInfo | null;
  readonly produced_by: string;
}

/** One turn of M. `ms` is kept for people; prompts leave it out, for it would make equal states unequal. */
export interface MemoryEntry {
  readonly turn: number;
  readonly sub_goal: string | null;
  readonly tool: string | null;
  readonly calls: readonly MemoryCall[];
  readonly status: ToolStatus | null;
  /** Why there is no execution: the reply could not be parsed, the tool is unknown, the command was refused. */
  readonly error: string | null;
  readonly verification: { readonly conclusion: Conclusion; readonly analysis: string } | null;
  readonly ms: number;
}

/** About a thousand tokens for a turn's results, shared by its calls, so that twenty turns of M fit into 32k tokens. */
export const maxResultChars = 4000;
/** Likewise for the arguments of a turn's calls: enough for a program of fifty lines. */
const maxArgumentChars = 2000;
/** A sub-goal and a verifier's analysis are judgements, not stores of text. */
export const maxAnalysisChars = 1000;
/** An unknown tool's name is whatever the planner wrote. */
const maxToolChars = 100;

/** Keeps head and tail of a long text and says how much was left out; the same text always gives the same cut. */
export function elide(text: string, maxChars: number): string {
  if (text.length <= maxChars) {
    return text;
  }
  const head = Math.ceil(maxChars * 0.7);
  const tail = maxChars - head;
  return `${sound(text.slice(0, head))} …[${text.length - maxChars} characters left out]… ${sound(text.slice(text.length - tail))}`;
}

// A cut may fall inside a surrogate pair, and half of one is not text.
function sound(text: string): string {
  return text.toWellFormed();
}

/** One JSON object a line, oldest turn first; empty memory is the empty text. */
export function renderMemory(memory: readonly MemoryEntry[]): string {
  return memory.map((entry) => JSON.stringify(toPromptEntry(entry))).join("\n");
}

function toPromptEntry(entry: MemoryEntry) {
  return {
    turn: entry.turn,
    sub_goal: entry.sub_goal === null ? null : elide(entry.sub_goal, maxAnalysisChars),
    tool: entry.tool === null ? null : elide(entry.tool, maxToolChars),
    calls: entry.calls.map((call) => ({
      arguments: elideArguments(call.arguments, Math.floor(maxArgumentChars / entry.calls.length)),
      ...(call.result === null ? {} : { result: call.result }),
      ...(call.error === null ? {} : { error: `${call.error.code}: ${elide(call.error.detail, maxAnalysisChars)}` }),
    })),
    status: entry.status,
    ...(entry.error === null ? {} : { error: elide(entry.error, maxAnalysisChars) }),
    ...(entry.verification === null
      ? {}
      : { verification: { ...entry.verification, analysis: elide(entry.verification.analysis, maxAnalysisChars) } }),
  };
}

function elideArguments(value: unknown, maxChars: number): unknown {
  const text = JSON.stringify(value) ?? "null";
  return text.length <= maxChars ? value : elide(text, maxChars);
}
