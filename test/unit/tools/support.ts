// The web tools in plain Node against peers on a real socket: what their tests share. No assertions.

import { createDeploymentGuard } from "../../../src/lib/guarded-fetch/deployment-guard.ts";
import type { Result } from "../../../src/lib/result.ts";
import type { Tool, ToolContext, ToolError, ToolOutput } from "../../../src/tools/tool.ts";
import { createWebTools, type WebToolDeps } from "../../../src/tools/web-service/create-web-tools.ts";

export type Outcome = Result<ToolOutput, ToolError>;

export function toolContext(signal: AbortSignal = new AbortController().signal): ToolContext {
  return {
    tenant: "acme",
    runId: "run_1",
    turn: 1,
    callIndex: 0,
    idempotencyKey: "run_1/1/0",
    signal,
    timeLeftMs: 60_000,
    holdClock: () => undefined,
    earlierArguments: [],
    chat: () => Promise.reject(new Error("a web tool asks no model of the run")),
    countTokens: () => undefined,
  };
}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

interface WebToolOptions extends Pick<WebToolDeps, "health"> {
  readonly send?: Fetch;
  readonly waits?: number[];
}

/** Waits end at once; what was waited for stands in `waits`. */
export function webTools(
  variables: Readonly<Record<string, string>>,
  { send = fetch, waits = [], ...more }: WebToolOptions = {},
): readonly Tool[] {
  const clock = {
    now: () => 0,
    sleep: (ms: number) => {
      waits.push(ms);
      return Promise.resolve();
    },
  };
  const guard = { fetch: (url: string, init: RequestInit) => send(url, init), now: clock.now };
  const pages = createDeploymentGuard(variables, guard).fetch;
  return createWebTools(variables, { pages, fetch: guard.fetch, clock, random: () => 0, ...more }).tools;
}

/** One call as the loop makes it: the arguments are checked first. */
export function callTool(tools: readonly Tool[], name: string, args: unknown, signal?: AbortSignal): Promise<Outcome> {
  const tool = tools.find((one) => one.name === name);
  if (tool === undefined) {
    throw new Error(`there is no tool ${name}`);
  }
  return tool.run(tool.parameters.parse(args), toolContext(signal));
}
