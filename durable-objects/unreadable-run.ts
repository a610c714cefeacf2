// A run whose log this version cannot read, as after a rollback, presented by its row and, where that much can be
// read, by its first event. It invents nothing: turns and answers that cannot be read are not shown.

import type { RunObject } from "../src/agent/run-object.ts";
import { defaultLimits } from "../src/agent/run-spec.ts";
import { noTokens, type RunState } from "../src/agent/run-state.ts";
import type { RunRow } from "./run-table.ts";

export const logUnreadable = {
  code: "log_unreadable",
  detail: "this version of the service cannot read the run's log",
} as const;

export function toUnreadableRun(run: RunRow, sessionId: string, first: RunState | null): RunObject {
  return {
    id: run.run_id,
    session_id: sessionId,
    status: run.status,
    query: run.query,
    answer: run.answer,
    outputs: {},
    ...(run.status === "failed" ? { error: { ...logUnreadable } } : {}),
    turns: [],
    usage: { total: noTokens, by_role: {} },
    limits: first?.spec.limits ?? defaultLimits,
    tools: first?.spec.tools ?? [],
    policy_version: first?.spec.policy.version ?? "unknown",
    created_at: run.created_at,
    ended_at: run.ended_at,
    metadata: first?.spec.metadata ?? {},
  };
}
