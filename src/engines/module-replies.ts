// What each module of the agent replies, for those who ask and for engines that answer by themselves: one loose schema
// per module (models write lists as text and text as lists), its JSON Schema for constrained decoding, and the labels
// of the text form. The names are the paper's.

import * as z from "zod";
import type { ReplySchema } from "./engine.ts";

const text = z.union([z.string(), z.array(z.string()).transform((lines) => lines.join("\n"))]);
const list = z.union([
  z.array(z.string()),
  z.string().transform((line) => line.split(/\s*[,;\n]\s*/).filter((item) => item !== "")),
]);

/** Query analysis, once per run. */
export const Analysis = z.object({
  summary: text,
  required_skills: list.default([]),
  relevant_tools: list.default([]),
  considerations: text.default(""),
});
export type Analysis = z.infer<typeof Analysis>;

export const emptyAnalysis: Analysis = { summary: "", required_skills: [], relevant_tools: [], considerations: "" };

/** The planner's action a: sub-goal, tool and the context it pulls from memory (section 3 of the paper). */
export const Plan = z.object({
  justification: text.default(""),
  context: text.default(""),
  sub_goal: text.refine((value) => value.trim() !== "", "must not be empty"),
  tool_name: z.string().refine((value) => value.trim() !== "", "must not be empty"),
});
export type Plan = z.infer<typeof Plan>;

/** The executor's command: one or more calls of the planned tool. Each call's arguments are checked apart. */
export const Command = z.object({
  analysis: text.default(""),
  calls: z.array(z.object({ arguments: z.unknown() })).min(1),
});
export type Command = z.infer<typeof Command>;

export const Conclusion = z.enum(["stop", "continue"]);
export type Conclusion = z.infer<typeof Conclusion>;

/** The verifier's v: is the result valid, and is memory enough to answer? */
export const Verdict = z.object({
  analysis: text.default(""),
  conclusion: z.preprocess((value) => (typeof value === "string" ? value.trim().toLowerCase() : value), Conclusion),
});
export type Verdict = z.infer<typeof Verdict>;

const string = { type: "string" };
const strings = { type: "array", items: string };

function closedObject(properties: Record<string, unknown>): Record<string, unknown> {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false };
}

export const analysisReply: ReplySchema<Analysis> = {
  name: "query_analysis",
  json: closedObject({ summary: string, required_skills: strings, relevant_tools: strings, considerations: string }),
  parse: Analysis,
  labels: {
    summary: ["Summary"],
    required_skills: ["Required Skills"],
    relevant_tools: ["Relevant Tools"],
    considerations: ["Considerations"],
  },
};

export const planReply: ReplySchema<Plan> = {
  name: "next_step",
  json: closedObject({ justification: string, context: string, sub_goal: string, tool_name: string }),
  parse: Plan,
  labels: {
    justification: ["Justification"],
    context: ["Context"],
    sub_goal: ["Sub-Goal", "Sub Goal", "Subgoal"],
    tool_name: ["Tool Name", "Tool"],
  },
};

/** The command's schema holds the tool's own parameter schema, so that a guided executor cannot miss it. */
export function commandReply(parameters: Record<string, unknown>): ReplySchema<Command> {
  return {
    name: "tool_command",
    json: closedObject({
      analysis: string,
      calls: { type: "array", minItems: 1, items: closedObject({ arguments: parameters }) },
    }),
    parse: Command,
    labels: { analysis: ["Analysis"], calls: ["Calls"] },
  };
}

export const verdictReply: ReplySchema<Verdict> = {
  name: "verification",
  json: closedObject({ analysis: string, conclusion: { type: "string", enum: ["stop", "continue"] } }),
  parse: Verdict,
  labels: { analysis: ["Analysis"], conclusion: ["Conclusion"] },
};
