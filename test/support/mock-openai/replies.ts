// What each role answers when a test says nothing: replies of the right shape, plausible enough that a whole run
// goes through. The planner takes a tool that its prompt offers; the executor fills the arguments it finds there.

import type { MockOptions, RecordedRequest } from "./script.ts";
import { isRecord } from "./script.ts";

export function defaultReply(request: RecordedRequest, options: MockOptions): string {
  const prompt = promptOf(request.body);
  switch (request.role) {
    case "analyzer":
      return JSON.stringify({
        summary: "The question asks for one fact that can be worked out directly.",
        required_skills: ["general knowledge"],
        relevant_tools: [toolFor(prompt, options)],
        considerations: ["Check the result before answering."],
      });
    case "planner":
      return JSON.stringify({
        justification: "This tool can answer the question in one step.",
        context: "No earlier results are needed.",
        sub_goal: "Answer the question",
        tool_name: toolFor(prompt, options),
      });
    case "executor":
      return JSON.stringify({
        analysis: "One call with the question is enough.",
        calls: [{ arguments: argumentsFor(prompt) }],
      });
    case "verifier":
      return JSON.stringify({
        analysis: "The result answers the question.",
        conclusion: (request.turn ?? 1) >= (options.stopAtTurn ?? 1) ? "stop" : "continue",
      });
    case "judge":
      return JSON.stringify({ analysis: "The answer equals the reference.", correct: true, verdict: "true", score: 1 });
    case "tool":
      return "The tool's model says: 42.";
    default:
      return "The answer is 42.";
  }
}

export function promptOf(body: Readonly<Record<string, unknown>>): string {
  const { messages } = { messages: body["messages"] };
  const texts = Array.isArray(messages) ? messages.map((one) => (isRecord(one) ? String(one["content"]) : "")) : [];
  return texts.join("\n");
}

const TOOLS = ["base_generator", "python_coder", "wikipedia_search", "web_search", "web_read", "google_search"];

function toolFor(prompt: string, options: MockOptions): string {
  return options.tool ?? TOOLS.find((name) => prompt.includes(name)) ?? "base_generator";
}

const ARGUMENTS: Readonly<Record<string, unknown>> = {
  code: "print(6 * 7)",
  url: "https://example.com/",
  query: "What is six times seven?",
};

/** The arguments whose names the prompt's JSON Schema shows as properties; `query` where it shows none. */
function argumentsFor(prompt: string): Record<string, unknown> {
  const shown = Object.entries(ARGUMENTS).filter(([name]) => new RegExp(`"${name}"\\s*:\\s*\\{`, "u").test(prompt));
  return Object.fromEntries(shown.length === 0 ? [["query", ARGUMENTS["query"]]] : shown);
}
