// What to leave out after a refusal. This is capability discovery, not a retry: only a request that the server
// refused as a request is asked again, narrower each time, and a fixed number of times. It keeps token capture
// alive as long as it can: where the refusal names nothing, one group at a time is left out before all are.

import type { Feature } from "./capabilities.ts";

/** A 400 or 422 as read from the server's body. */
export interface Refusal {
  readonly message: string;
  /** The parameter that the server says is at fault; null where it says nothing. */
  readonly param: string | null;
}

export interface Negotiation {
  /** What requests leave out now. */
  readonly refused: ReadonlySet<Feature>;
  /** Refused by name, or known from before. */
  readonly certain: ReadonlySet<Feature>;
  /** Left out for this call's sake only: one tool's odd schema says nothing about the next call's. */
  readonly passing: ReadonlySet<Feature>;
  /** Combinations still to try where nothing was named; null before the first such refusal. */
  readonly untried: readonly (readonly Feature[])[] | null;
}

export function startNegotiation(known: ReadonlySet<Feature>): Negotiation {
  return { refused: known, certain: known, passing: new Set(), untried: null };
}

/** What later calls should know, once a request has passed. */
export function learntFrom(state: Negotiation): ReadonlySet<Feature> {
  return new Set([...state.refused].filter((one) => !state.passing.has(one)));
}

/** The next, narrower try; null where there is nothing left that could be the cause. */
export function narrow(state: Negotiation, refusal: Refusal, sent: readonly Feature[]): Negotiation | null {
  const named = namedFeatures(refusal, sent);
  if (named.length > 0) {
    const isPassing = SCHEMA_AT_FAULT.test(refusal.message) && named.every((one) => one === "json_schema");
    const certain = isPassing ? state.certain : new Set([...state.certain, ...named]);
    const passing = isPassing ? new Set([...state.passing, ...named]) : state.passing;
    return { refused: new Set([...certain, ...passing]), certain, passing, untried: null };
  }
  if (refusal.param !== null && refusal.param !== "") {
    return null;
  }
  const [next, ...untried] = state.untried ?? blindGroups(sent);
  if (next === undefined) {
    return null;
  }
  return { ...state, refused: new Set([...state.certain, ...state.passing, ...next]), untried };
}

/** The schema was read and found wanting (OpenAI's strict subset, a grammar backend's limits), not the parameter. */
const SCHEMA_AT_FAULT =
  /invalid schema|schema contains|grammar|not supported by (?:xgrammar|outlines|guidance|lm-format-enforcer)|required to be supplied/iu;

/** From the most exotic to the most common; `temperature` and `max_tokens` are never left out on a guess. */
const GROUPS: readonly (readonly Feature[])[] = [
  ["return_token_ids"],
  ["return_token_ids", "logprobs"],
  ["top_k", "min_p", "repetition_penalty"],
  ["frequency_penalty", "presence_penalty"],
  ["json_schema"],
  ["json_schema", "json_object"],
  ["stream_options"],
  ["stream_options", "stream"],
  ["seed"],
];

/** A group is worth a try if its last member was sent; `json_object` is what a refused `json_schema` becomes. */
function blindGroups(sent: readonly Feature[]): (readonly Feature[])[] {
  const usable = GROUPS.filter((group) => {
    const last = group.at(-1);
    return last !== undefined && (sent.includes(last) || (last === "json_object" && sent.includes("json_schema")));
  });
  return usable.length > 1 ? [...usable, usable.flat()] : usable;
}

const NAMES: Readonly<Record<Feature, RegExp>> = {
  return_token_ids: /return_token_ids/iu,
  logprobs: /log_?probs|log probabilities/iu,
  top_k: /\btop_k\b/iu,
  min_p: /\bmin_p\b/iu,
  repetition_penalty: /\brepetition_penalty\b/iu,
  frequency_penalty: /\bfrequency_penalty\b/iu,
  presence_penalty: /\bpresence_penalty\b/iu,
  json_schema: /response_?format|json.?schema|structured.?output|guided|grammar/iu,
  json_object: /response_?format|json.?(?:object|mode)/iu,
  stream_options: /stream_options|include_usage/iu,
  seed: /\bseed\b/iu,
  top_p: /\btop_p\b/iu,
  temperature: /\btemperature\b/iu,
  stream: /['"`]stream['"`]|\bstreaming\b|\bstream\b(?=\s*(?:=|:|is\b|mode|param))/iu,
  max_tokens: /\bmax_tokens\b/iu,
};

/** Which of the features that were sent a refusal is about. A word for what is too large is not one against its name. */
function namedFeatures(refusal: Refusal, sent: readonly Feature[]): Feature[] {
  const isAboutSize = /too (?:large|small|long)|at (?:most|least)|must be (?:between|less|greater)|exceed/iu.test(
    refusal.message,
  );
  const droppable = sent.filter((one) => !(isAboutSize && one === "max_tokens"));
  const { param } = refusal;
  if (param !== null) {
    const exact = droppable.filter(
      (one) => one === param || (param.startsWith("response_format") && one.startsWith("json_")),
    );
    if (exact.length > 0) {
      return exact;
    }
  }
  const text = withoutEchoes(refusal.message);
  return droppable.filter((one) => NAMES[one].test(text));
}

/** Validators of Python servers echo the whole body, which names everything: only place and message count. */
function withoutEchoes(message: string): string {
  const places = message.match(/['"](?:loc|msg)['"]\s*:\s*(?:\([^)]*\)|\[[^\]]*\]|'[^']*'|"[^"]*")/gu);
  return places === null ? message : places.join(" ");
}
