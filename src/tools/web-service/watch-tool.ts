// Writes down how the service behind a tool answered, for whoever looks at the catalogue. It asks nothing by itself: a
// question to some of these services costs money. What the caller did wrong says nothing about the service.

import * as z from "zod";
import type { Tool } from "../tool.ts";

export const ToolHealth = z.strictObject({
  state: z.enum(["ok", "failing"]),
  /** Of the failure. */
  code: z.string().nullable(),
  checked_at: z.string(),
});
export type ToolHealth = z.infer<typeof ToolHealth>;

/** Neither method throws, and neither holds up its caller for long: without its store nothing is known. */
export interface HealthLog {
  /** `code`: of the failure; null where the service answered. */
  note(tool: string, code: string | null): Promise<void>;
  read(): Promise<ReadonlyMap<string, ToolHealth>>;
}

/** Failures that are the caller's, the deployment's or the question's. */
const notOfService = new Set(["aborted", "empty_reply", "host_blocked", "query_blocked", "tool_not_configured"]);

export function watchTool<T>(tool: Tool<T>, log: Pick<HealthLog, "note">): Tool<T> {
  return {
    ...tool,
    async run(args, context) {
      const outcome = await tool.run(args, context);
      if (outcome.ok || !notOfService.has(outcome.error.code)) {
        await log.note(tool.name, outcome.ok ? null : outcome.error.code);
      }
      return outcome;
    },
  };
}
