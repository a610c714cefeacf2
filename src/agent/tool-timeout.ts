// A tool's own time limit. A call that ignores its signal is left behind: it holds up neither a run nor a request.

import type { Clock } from "../engines/clock.ts";
import { err, type Result } from "../lib/result.ts";
import type { Tool, ToolError, ToolOutput } from "../tools/tool.ts";

export interface ToolTimeLimits {
  readonly clock: Pick<Clock, "after">;
  /** Cancel, or a caller that has gone. */
  readonly signal: AbortSignal;
  /** Aborted when the run's time is over. */
  readonly timeLimit: AbortSignal;
}

export async function withToolTimeout<T extends ToolOutput>(
  { clock, signal, timeLimit }: ToolTimeLimits,
  tool: Tool,
  work: (signal: AbortSignal) => Promise<Result<T, ToolError>>,
): Promise<Result<T, ToolError>> {
  const timeout = new AbortController();
  const stop = AbortSignal.any([signal, timeLimit, timeout.signal]);
  const stopTimer = clock.after(tool.timeoutMs, () => {
    timeout.abort();
  });
  const { promise: late, resolve } = Promise.withResolvers<Result<T, ToolError>>();
  const onStop = (): void => {
    resolve(err(interruption(tool, timeLimit)));
  };
  if (stop.aborted) {
    onStop();
  }
  stop.addEventListener("abort", onStop);
  try {
    return await Promise.race([work(stop), late]);
  } finally {
    stopTimer();
    stop.removeEventListener("abort", onStop);
  }
}

function interruption(tool: Tool, timeLimit: AbortSignal): ToolError {
  return timeLimit.aborted
    ? { code: "interrupted", detail: "the run's time was over", producedBy: tool.name }
    : { code: "timeout", detail: `no result within ${tool.timeoutMs} ms`, producedBy: tool.name };
}
