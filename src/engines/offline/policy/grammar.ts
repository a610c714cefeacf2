// The plans of the offline planner: their tokens, which token may follow which, and the rows of weights that
// choose between them. A plan has two to four tokens; what the grammar does not allow cannot be sampled.

import { type PartKind, partKinds } from "../question/part.ts";

/** Kinds of sub-goal: the six kinds of parts, then what is asked of the whole question. */
export const planKinds = [...partKinds, "combine", "guess", "restate"] as const;
export type PlanKind = (typeof planKinds)[number];

export const planTools = ["python_coder", "base_generator", "other"] as const;
export type PlanTool = (typeof planTools)[number];

/** `first` and `last` narrow a part kind's sub-goal to one of several parts of that kind. */
export const planArguments = ["first", "last"] as const;
export type PlanArgument = (typeof planArguments)[number];

/** Token ids are positions in this list, `offline-plan/1`. Append only. */
export const planTokens = [...planTools, ...planKinds, ...planArguments, "end"] as const;
export type PlanToken = (typeof planTokens)[number];

export const planVocabulary = "offline-plan/1";
export const endToken: number = planTokens.indexOf("end");

export interface OfflinePlan {
  readonly tool: PlanTool;
  /** Null for tools that take the question as it is. */
  readonly kind: PlanKind | null;
  readonly argument: PlanArgument | null;
}

/** What the next token depends on besides the features: the token before it, except after an argument. */
export type PlanContext = "start" | "python_coder" | PlanKind | "closing";

function isPartKind(token: PlanToken | PlanContext): token is PartKind {
  return partKinds.some((kind) => kind === token);
}

/** Null where no plan begins like this, or it has already ended. */
export function contextOf(prefix: readonly number[]): PlanContext | null {
  let context: PlanContext = "start";
  for (const id of prefix) {
    const token = planTokens[id];
    if (token === undefined || token === "end" || !followers(context).includes(token)) {
      return null;
    }
    context = token === "python_coder" || planKinds.some((kind) => kind === token) ? contextAfter(token) : "closing";
  }
  return context;
}

function contextAfter(token: PlanToken): PlanContext {
  const kind = planKinds.find((name) => name === token);
  return token === "python_coder" ? "python_coder" : (kind ?? "closing");
}

/** The tokens that may come next, in the order of their ids. */
export function followers(context: PlanContext): readonly PlanToken[] {
  if (context === "start") {
    return planTools;
  }
  if (context === "python_coder") {
    return planKinds;
  }
  return isPartKind(context) ? [...planArguments, "end"] : ["end"];
}

/** One row of weights for each choice that is a choice; where a single token may follow there is nothing to weigh. */
export const planRows: readonly string[] = (["start", "python_coder", ...partKinds] as const).flatMap((context) =>
  followers(context).map((token) => `${context}>${token}`),
);

const rowIndex = new Map(planRows.map((row, index) => [row, index]));

/** The row's index in the weights; null where the token is the only one that may follow. */
export function rowOf(context: PlanContext, tokenId: number): number | null {
  return rowIndex.get(`${context}>${planTokens[tokenId] ?? ""}`) ?? null;
}

export function toPlan(tokenIds: readonly number[]): OfflinePlan | null {
  const tokens = tokenIds.map((id) => planTokens[id]);
  const context = tokens.at(-1) === "end" ? contextOf(tokenIds.slice(0, -1)) : null;
  const tool = planTools.find((name) => name === tokens[0]);
  return tool === undefined || context === null || !followers(context).includes("end")
    ? null
    : {
        tool,
        kind: planKinds.find((name) => name === tokens[1]) ?? null,
        argument: planArguments.find((name) => name === tokens[2]) ?? null,
      };
}

export function toTokenIds(plan: OfflinePlan): number[] {
  const tokens: PlanToken[] = [plan.tool];
  if (plan.kind !== null) {
    tokens.push(plan.kind);
  }
  if (plan.argument !== null) {
    tokens.push(plan.argument);
  }
  return [...tokens, "end" as const].map((token) => planTokens.indexOf(token));
}
