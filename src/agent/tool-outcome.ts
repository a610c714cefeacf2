// What a tool gave back, fit for the log: a JSON value within the cap, or an error that says why not. The same for a
// call inside a run and for one alone.

import { err, ok, type Result } from "../lib/result.ts";
import type { Tool, ToolError, ToolOutput } from "../tools/tool.ts";
import { toJsonText } from "./json-text.ts";
import { elide } from "./memory.ts";
import { asText } from "./memory-entry.ts";

/** DESIGN section 3: a tool result is capped at 64 KB. */
const maxResultBytes = 64 * 1024;
/** Room for the note that says how much was left out. */
const maxNoteChars = 100;
/** A traceback's worth. */
const maxErrorChars = 4000;

/** Only what has a JSON text can stand in the log; a tool without one has failed, and not the loop. */
export function toStorable(tool: Tool, outcome: Result<ToolOutput, ToolError>): Result<ToolOutput, ToolError> {
  if (!outcome.ok) {
    const { result: _result, ...error } = outcome.error;
    return toJsonText(outcome.error.result) === null ? err(error) : outcome;
  }
  const { result, producedBy } = outcome.value;
  if (result === undefined) {
    return ok({ result: null, producedBy });
  }
  return toJsonText(result) === null
    ? err({ code: "bad_result", detail: `the result of ${tool.name} is no JSON value`, producedBy })
    : outcome;
}

/** A result beyond the cap becomes the head and tail of its text. */
export function capResult(result: unknown): { result: unknown; cut: boolean } {
  if (result === undefined) {
    return { result: undefined, cut: false };
  }
  const text = asText(result);
  if (new TextEncoder().encode(text).byteLength <= maxResultBytes) {
    return { result, cut: false };
  }
  // Bytes are spread unevenly over the characters, so a fair share of characters may still be too many bytes.
  let cut = text;
  for (let size = jsonBytes(cut); size > maxResultBytes; size = jsonBytes(cut)) {
    cut = elide(text, Math.floor((cut.length * maxResultBytes) / size) - maxNoteChars);
  }
  return { result: cut, cut: true };
}

/** As events and replies show it. */
export function toProblem({ code, detail }: ToolError): { code: string; detail: string } {
  return { code, detail: elide(detail, maxErrorChars) };
}

function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).byteLength;
}
