// Results of earlier calls, for evaluations that must see the same outside world twice. A result is found again under
// its tool, that tool's version and the very arguments, by the same tenant. Only tools that name a version and that may
// be called twice take part: a call that changes something must happen. Training calls its tools anew unless told.

import * as z from "zod";
import { canonicalJson } from "../lib/canonical-json.ts";
import { sha256Hex } from "../lib/sha256.ts";
import type { Tool } from "./tool.ts";

/** A result as its event shows it, capped. */
export const KeptResult = z.strictObject({
  result: z.unknown(),
  cut: z.boolean(),
  produced_by: z.string(),
});
export type KeptResult = z.infer<typeof KeptResult>;

/** A tenant's results. A store that cannot be reached has nothing and keeps nothing. */
export interface ResultCache {
  find(key: string): Promise<KeptResult | null>;
  /** The first result of a key stays, so that runs side by side agree from then on. */
  keep(key: string, kept: KeptResult, call: { readonly tool: string; readonly runId: string }): Promise<void>;
}

/** Null for a call whose result must not come from the cache. */
export async function resultKey(tool: Tool, args: unknown): Promise<string | null> {
  return tool.version === undefined || tool.repeat !== "safe"
    ? null
    : sha256Hex(canonicalJson([tool.name, tool.version, args]));
}
