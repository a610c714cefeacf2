// The deployment's block-list for tools of connected servers, whose arguments and results have any shape: a call that
// names a blocked question or host is not made, and a text that quotes one or leads to one is left out of the result.

import type { Result } from "../../lib/result.ts";
import { isRecord } from "./inline-schema.ts";
import type { Tool, ToolError, ToolOutput } from "../tool.ts";
import type { Blocklist } from "../web-service/blocklist.ts";
import { failed, hostBlocked, queryBlocked } from "../web-service/tool-result.ts";

export function screenTool(tool: Tool, blocklist: Blocklist): Tool {
  if (blocklist.note === null) {
    return tool;
  }
  return {
    ...tool,
    // What was kept before something was blocked is not what a call would give now.
    ...(tool.version === undefined ? {} : { version: JSON.stringify([tool.version, blocklist.fingerprint]) }),
    async run(args, context) {
      const { texts, keys } = textsOf(args);
      // A key asks nothing by itself, so that a short entry of the list does not make a tool unusable.
      if (texts.some(blocklist.isBlockedQuery) || keys.some(blocklist.quotesBlockedQuery)) {
        return queryBlocked(tool.name);
      }
      return [...texts, ...keys].some((text) => leadsToBlocked(blocklist, text))
        ? hostBlocked("a host of the arguments", tool.name)
        : screenOutcome(blocklist, tool.name, await tool.run(args, context));
    },
  };
}

/** Stands for a text that is left out. */
const mark = "[blocked]";

function screenOutcome(
  blocklist: Blocklist,
  name: string,
  outcome: Result<ToolOutput, ToolError>,
): Result<ToolOutput, ToolError> {
  try {
    const clean = (value: unknown): unknown =>
      value === undefined ? undefined : JSON.parse(JSON.stringify(value), (_key, part) => screenPart(blocklist, part));
    if (outcome.ok) {
      return { ok: true, value: { ...outcome.value, result: clean(outcome.value.result) } };
    }
    const { error } = outcome;
    const detail = isBlocked(blocklist, error.detail) ? mark : error.detail;
    return { ok: false, error: { ...error, detail, ...("result" in error ? { result: clean(error.result) } : {}) } };
  } catch {
    // Nested so deeply that it has no text: nobody can say what is in it.
    return failed({ code: "bad_result", detail: "the result could not be looked through" }, name);
  }
}

/** Objects come after their members. */
function screenPart(blocklist: Blocklist, part: unknown): unknown {
  if (typeof part === "string") {
    return isBlocked(blocklist, part) ? mark : part;
  }
  return isRecord(part) && Object.keys(part).some((key) => isBlocked(blocklist, key))
    ? Object.fromEntries(Object.entries(part).map(([key, value]) => [isBlocked(blocklist, key) ? mark : key, value]))
    : part;
}

function isBlocked(blocklist: Blocklist, text: string): boolean {
  return blocklist.quotesBlockedQuery(text) || leadsToBlocked(blocklist, text);
}

/** An address anywhere in a text, or a text that is an address without its scheme. */
function leadsToBlocked(blocklist: Blocklist, text: string): boolean {
  const addresses = text.match(/https?:\/\/[^\s"'<>()[\]]+/gi) ?? [];
  const bare = /^[\w-]+(\.[\w-]+)+(:\d+)?([/?#]\S*)?$/.test(text.trim()) ? [`https://${text.trim()}`] : [];
  return [...addresses, ...bare].some(blocklist.isBlockedUrl);
}

/** All texts of arguments, which the loop has taken from a model's JSON, and the names of their members. */
function textsOf(args: unknown) {
  const texts: string[] = [];
  const keys: string[] = [];
  JSON.stringify(args, (_key, part: unknown) => {
    if (typeof part === "string") {
      texts.push(part);
    } else if (isRecord(part)) {
      keys.push(...Object.keys(part));
    }
    return part;
  });
  return { texts, keys };
}
