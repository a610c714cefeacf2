// The offline planner: samples a plan from its weights and writes it out in the form that every planner has. The
// text follows from the plan's tokens and the prompt alone; nothing of it is sampled but the tokens.

import { createRandom, type Random, withHelpers } from "../../../lib/random.ts";
import type { ChatRequest, ReplyTokens } from "../../engine.ts";
import { featuresOf, toolToken } from "../policy/features.ts";
import { endToken, type OfflinePlan, toPlan } from "../policy/grammar.ts";
import { samplePlan } from "../policy/policy.ts";
import type { OfflineWeights } from "../policy/weights.ts";
import type { PromptView } from "../prompt-view.ts";
import { latestResults, renderResult, type Result } from "../results.ts";
import { subGoalOf } from "./sub-goals.ts";

export interface Planned {
  readonly text: string;
  readonly tokens: ReplyTokens;
  readonly finishReason: "stop" | "length";
}

export interface PlannerSource {
  readonly weights: OfflineWeights;
  /** Uniform numbers for requests without a seed. */
  readonly random: (() => number) | undefined;
}

export function plan(request: ChatRequest, view: PromptView, source: PlannerSource): Planned {
  const { temperature, topP = 1, maxTokens } = request.sampling;
  const featureIds = featuresOf(view, source.weights.groups);
  const sampling = { temperature, topP };
  const choices = samplePlan(source.weights, featureIds, sampling, randomFor(request, source), maxTokens);
  const tokenIds = choices.map(({ token }) => token);
  const planned = toPlan(tokenIds);
  return {
    // A plan cut short by `maxTokens` has no text, like a reply that was cut before its first word.
    text: planned === null ? "" : JSON.stringify(toReply(planned, view)),
    tokens: {
      prompt_token_ids: featureIds,
      response_token_ids: tokenIds,
      response_logprobs: choices.map(({ logProb }) => logProb),
      logprobs_mode: "processed",
    },
    finishReason: tokenIds.at(-1) === endToken ? "stop" : "length",
  };
}

/** With a seed, seed and turn decide; without one, the injected source; without both, the run's id and turn. */
function randomFor(request: ChatRequest, source: PlannerSource): Random {
  const turn = request.turn ?? 0;
  if (request.sampling.seed !== undefined) {
    return createRandom(request.sampling.seed, turn);
  }
  return source.random === undefined ? createRandom(hashText(request.runId), turn) : withHelpers(source.random);
}

/** FNV-1a. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

function toReply(planned: OfflinePlan, view: PromptView) {
  const known = latestResults(view.memory.flatMap((turn) => turn.results));
  return {
    justification: justify(planned, known),
    context: known.length === 0 ? "No result is known yet." : `Known results:\n${known.map(renderResult).join("\n")}`,
    sub_goal: subGoalOf(planned),
    tool_name: view.tools.find((tool) => toolToken(tool.name) === planned.tool)?.name ?? planned.tool,
  };
}

function justify(planned: OfflinePlan, known: readonly Result[]): string {
  const state = known.length === 0 ? "Nothing is worked out yet" : `${known.length} result(s) are known`;
  const choice = planned.kind === null ? "hand the question to the tool" : `the step "${planned.kind}"`;
  return `${state}; the offline planner chose ${choice}.`;
}
