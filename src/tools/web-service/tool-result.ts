// What the web tools say of failures and of blocked questions, in one wording, and how they shorten what is long. The
// codes are part of the API.

import { err } from "../../lib/result.ts";
import type { ToolError } from "../tool.ts";

/**
 * What a turn's memory shows whole of a result's JSON text, with a little room (src/agent/memory.ts). Beyond it memory
 * leaves out the middle, whatever stands there.
 */
const maxShownChars = 3_900;

/** Characters of JSON text that are left for passages beside the result's other fields. */
export function roomBeside(fields: unknown): number {
  return maxShownChars - (JSON.stringify(fields)?.length ?? 0);
}

/** A fault of a service or a page as the tool's error. */
export function failed(fault: { readonly code: string; readonly detail: string }, producedBy: string) {
  const error: ToolError = { code: fault.code, detail: fault.detail, producedBy };
  return err(error);
}

/** The code of a question that the deployment's block-list holds. */
export function queryBlocked(producedBy: string) {
  return failed({ code: "query_blocked", detail: "this deployment does not search for this question" }, producedBy);
}

/** The code of an address on the deployment's block-list. */
export function hostBlocked(host: string, producedBy: string) {
  return failed({ code: "host_blocked", detail: `this deployment does not read ${host}` }, producedBy);
}

/** The beginning of a text, never half a character. */
export function shorten(text: string, maxChars: number): string {
  return text.length <= maxChars
    ? text
    : `${text
        .slice(0, maxChars - 1)
        .toWellFormed()
        .trimEnd()}…`;
}
