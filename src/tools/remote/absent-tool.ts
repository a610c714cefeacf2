// What stands for a tool that a run was given and that is not there any more: its server is down, or its entry was
// removed, between the run's creation and its loop. Calls of it fail with a reason; the run chooses another way.

import * as z from "zod";
import { err } from "../../lib/result.ts";
import type { Tool } from "../tool.ts";

export function absentTool(name: string): Tool {
  return {
    name,
    description: "This tool cannot be reached at the moment.",
    limitations: ["Every call fails."],
    bestPractices: ["Use another tool."],
    parameters: z.looseObject({}),
    timeoutMs: 1_000,
    llmBacked: false,
    // A call that an earlier loop started may have reached the server.
    repeat: "never",
    run: () => Promise.resolve(err({ code: "tool_unavailable", detail: `${name} is not there now`, producedBy: name })),
  };
}
