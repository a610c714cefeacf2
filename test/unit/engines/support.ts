// What the engine tests share: a request of each kind, an engine on the mock, and a real clock. No assertions.

import * as z from "zod";
import type { ChatRequest, Engine, ReplySchema } from "../../../src/engines/engine.ts";
import { createClock } from "../../../src/engines/clock.ts";
import { type Config, readEndpoint } from "../../../src/engines/endpoints.ts";
import { type CapabilityStore, createMemoryCapabilityStore } from "../../../src/engines/hosted/capabilities.ts";
import { createHostedEngine } from "../../../src/engines/hosted/engine.ts";

export const clock = createClock(() => Date.now());

const Plan = z.looseObject({
  justification: z.string(),
  context: z.string(),
  sub_goal: z.string(),
  tool_name: z.string(),
});
export const planSchema: ReplySchema = {
  name: "plan",
  json: {
    type: "object",
    properties: {
      justification: { type: "string" },
      context: { type: "string" },
      sub_goal: { type: "string" },
      tool_name: { type: "string" },
    },
    required: ["justification", "context", "sub_goal", "tool_name"],
    additionalProperties: false,
  },
  parse: Plan,
  labels: {
    justification: ["Justification"],
    context: ["Context"],
    sub_goal: ["Sub-Goal"],
    tool_name: ["Tool Name", "Tool"],
  },
};

export const verdictSchema: ReplySchema = {
  name: "verdict",
  json: {
    type: "object",
    properties: { analysis: { type: "string" }, conclusion: { type: "string", enum: ["stop", "continue"] } },
    required: ["analysis", "conclusion"],
  },
  parse: z.looseObject({ analysis: z.string(), conclusion: z.enum(["stop", "continue"]) }),
  labels: { analysis: ["Analysis"], conclusion: ["Conclusion"] },
};

export function request(change: Partial<ChatRequest> = {}): ChatRequest {
  return {
    role: "generator",
    runId: "run_1",
    turn: null,
    messages: [{ role: "user", content: "What is six times seven?" }],
    sampling: { temperature: 0, maxTokens: 256 },
    structure: "guided",
    capture: "text",
    maxReplyBytes: 64 * 1024,
    ...change,
  };
}

/** The planner as rollouts ask it: free, neutral, with token capture. */
export function planning(change: Partial<ChatRequest> = {}): ChatRequest {
  return request({
    role: "planner",
    turn: 2,
    schema: planSchema,
    structure: "free",
    capture: "tokens",
    sampling: { temperature: 0.7, maxTokens: 512, seed: 11, neutral: true },
    ...change,
  });
}

export interface EngineOn {
  readonly timeoutMs?: number;
  readonly capabilities?: CapabilityStore;
  readonly config?: Config;
}

export function engineOn(url: string, options: EngineOn = {}): Engine {
  const config = { INFERENCE_BASE_URL: url, INFERENCE_MODEL: "mock-model", ...options.config };
  return createHostedEngine({
    endpointOf: (role) => readEndpoint(config, role),
    capabilities: options.capabilities ?? createMemoryCapabilityStore(),
    fetch: (input, init) => fetch(input, init),
    policyFetch: (input, init) => fetch(input, init),
    clock,
    timeoutMs: options.timeoutMs ?? 10_000,
  });
}

export const never = new AbortController().signal;
