// A source of tools beyond those of this repository: one connected server, as the provider sees it. A source is asked
// for its tools now and then, and each tool it gives knows how to call its server.

import { err, type Result } from "../../lib/result.ts";
import type { Tool } from "../tool.ts";

export interface SourceFault {
  /** `needs`: the operator has to do something. `unavailable`: the server does not answer as it should. */
  readonly state: "needs" | "unavailable";
  readonly code: string;
  readonly detail: string;
}

export interface SkippedTool {
  readonly name: string;
  readonly reason: string;
}

export interface LoadedTools {
  /** What the server calls itself, with its version. */
  readonly version: string;
  readonly tools: readonly Tool[];
  /** What it has and is not offered. */
  readonly skipped: readonly SkippedTool[];
  /** How long the list may be believed. */
  readonly ttlMs: number;
}

export interface ToolSource {
  readonly name: string;
  readonly kind: "mcp" | "openapi";
  /** Another one where its configuration is another: what was loaded under it is not believed any more. */
  readonly identity: string;
  isFor(tenant: string): boolean;
  load(tenant: string, signal: AbortSignal): Promise<Result<LoadedTools, SourceFault>>;
}

/** Stands for a server whose entry cannot be used, and says why. */
export function badSource(kind: ToolSource["kind"], name: string, problem: string): ToolSource {
  return {
    name,
    kind,
    identity: `${name}: ${problem}`,
    isFor: () => true,
    load: () => Promise.resolve(err({ state: "needs", code: "bad_configuration", detail: problem })),
  };
}

/** A list beyond this would fill the planner's prompt by itself. */
export const maxToolsPerSource = 128;
/** Of all that a server says about its tools, in characters: tenants share the isolates that keep the lists. */
export const maxListChars = 256 * 1024;
/** Of the tools that are not offered, so many are named. */
const maxSkipped = 128;

export function boundSkipped(skipped: readonly SkippedTool[]): readonly SkippedTool[] {
  const more = skipped.length - maxSkipped;
  return more <= 0 ? skipped : [...skipped.slice(0, maxSkipped), { name: "…", reason: `${more} more are not offered` }];
}

/** What a card may say about a tool; it stands in every prompt of a run. */
export const maxDescriptionChars = 2_000;

/** `<server>__<tool>`, in characters that every model server takes; null where nothing is left of the name. */
export function remoteToolName(server: string, tool: string): string | null {
  const name = tool.replaceAll(/[^A-Za-z0-9_-]+/g, "_").replaceAll(/^_+|_+$/g, "");
  return name === "" ? null : `${server}__${name}`.slice(0, maxNameChars);
}

/** What a request may name as a tool (src/http/wire.ts). */
const maxNameChars = 128;
