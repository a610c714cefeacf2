// One tool call outside any run, as `POST /v1/tools/{name}/call` makes it: the same checks, time limit and caps as in a
// run, an interpreter of its own for Python, and no log. Nothing is tried again.

import type * as z from "zod";
import type { Clock } from "../engines/clock.ts";
import type { Engine } from "../engines/engine.ts";
import { aborted, chatWithRetries } from "../engines/retry.ts";
import { err, ok } from "../lib/result.ts";
import type { Tool, ToolContext } from "../tools/tool.ts";
import { frozenSampling } from "./ask-frozen.ts";
import { maxReplyBytes } from "./call-module.ts";
import { capResult, toProblem, toStorable } from "./tool-outcome.ts";
import { withToolTimeout } from "./tool-timeout.ts";

export interface AloneDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: () => number;
}

export interface AloneCall {
  readonly tenant: string;
  /** Stands where a run's id would: for leases and idempotency keys. */
  readonly callId: string;
  readonly tool: Tool;
  readonly args: unknown;
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal;
}

interface Made {
  /** Capped as in a run; undefined where a failed call left nothing. */
  readonly result: unknown;
  readonly cut: boolean;
  readonly producedBy: string;
  readonly ms: number;
}

export type AloneOutcome =
  | { readonly kind: "invalid_arguments"; readonly error: z.ZodError }
  | ({ readonly kind: "completed" } & Made)
  | ({ readonly kind: "failed"; readonly problem: { readonly code: string; readonly detail: string } } & Made);

export async function callAlone(deps: AloneDeps, call: AloneCall): Promise<AloneOutcome> {
  const { tool, signal } = call;
  const checked = tool.parameters.safeParse(call.args, { reportInput: true });
  if (!checked.success) {
    return { kind: "invalid_arguments", error: checked.error };
  }
  const startedAt = deps.clock.now();
  const timeLimit = new AbortController().signal;
  const outcome = await withToolTimeout({ clock: deps.clock, signal, timeLimit }, tool, async (stop) =>
    toStorable(tool, await tool.run(checked.data, toContext(deps, call, stop))),
  );
  const ms = deps.clock.now() - startedAt;
  if (outcome.ok) {
    const { result, producedBy } = outcome.value;
    return { kind: "completed", ...capResult(result), producedBy, ms };
  }
  const { result, producedBy } = outcome.error;
  return { kind: "failed", problem: toProblem(outcome.error), ...capResult(result), producedBy, ms };
}

function toContext(deps: AloneDeps, { tenant, callId, tool }: AloneCall, signal: AbortSignal): ToolContext {
  return {
    tenant,
    runId: callId,
    turn: 1,
    callIndex: 0,
    idempotencyKey: `${callId}/1/0`,
    signal,
    timeLeftMs: tool.timeoutMs,
    holdClock: () => undefined,
    earlierArguments: [],
    // There is no run to count for.
    countTokens: () => undefined,
    async chat(messages) {
      if (signal.aborted) {
        return err(aborted());
      }
      const request = {
        role: "tool" as const,
        runId: callId,
        turn: 1,
        messages,
        sampling: { ...frozenSampling },
        structure: "free" as const,
        capture: "text" as const,
        maxReplyBytes,
      };
      const asked = await chatWithRetries(deps.engine, request, { signal, clock: deps.clock, random: deps.random });
      return asked.ok ? ok(asked.value.reply) : asked;
    },
  };
}
