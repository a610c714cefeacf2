// What the offline engine reads out of a request: the sections of the prompt, exactly as a hosted model would see
// them, with the memory's JSON lines parsed tolerantly. Whatever is missing or malformed reads as absent.

import * as z from "zod";
import type { ChatMessage } from "../engine.ts";
import { readSections } from "../../lib/sections.ts";
import { type ReadQuestion, readQuestion } from "./question/read-question.ts";
import { readResults, type Result } from "./results.ts";

const Call = z.object({
  arguments: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.string().optional(),
});
const Entry = z.object({
  sub_goal: z.string().nullable().catch(null),
  tool: z.string().nullable().catch(null),
  calls: z.array(Call.catch({})).catch([]),
  status: z.string().nullable().catch(null),
  error: z.string().optional().catch(undefined),
  verification: z
    .object({ conclusion: z.string(), analysis: z.string().catch("") })
    .nullish()
    .catch(null),
});

/** A tool as its card shows it. */
export const ToolCard = z.object({
  name: z.string(),
  description: z.string().catch(""),
  parameters: z.record(z.string(), z.unknown()).catch({}),
});
export type ToolCard = z.infer<typeof ToolCard>;

/** `{stdout, traceback, …}` of the Python tool; other tools' results are read as plain text. */
const PythonResult = z.object({ stdout: z.string().catch(""), traceback: z.string().nullish() });

/** One turn of the memory, with what its programs printed. */
export interface TurnView {
  readonly subGoal: string | null;
  readonly tool: string | null;
  /** The calls' arguments as text: equal texts are equal commands. */
  readonly command: string;
  /** Of the calls that succeeded. */
  readonly printed: string;
  readonly results: readonly Result[];
  readonly failed: boolean;
  /** The last line of what went wrong; null where nothing did. */
  readonly failure: string | null;
  readonly stopped: boolean;
}

export interface PromptView {
  readonly system: string;
  readonly query: string;
  /** The query, read when it is asked for. */
  readonly question: ReadQuestion;
  readonly tools: readonly ToolCard[];
  readonly memory: readonly TurnView[];
  readonly step: TurnView | null;
  readonly context: string;
  readonly subGoal: string;
  readonly tool: ToolCard | null;
  readonly endedEarly: string | null;
}

/** `read`: where the same question is read again and again, something that remembers it. */
export function readPrompt(
  messages: readonly ChatMessage[],
  read: (query: string) => ReadQuestion = readQuestion,
): PromptView {
  const text = messages.findLast((message) => message.role === "user")?.content ?? "";
  const sections = readSections(text);
  const section = (name: string) => sections.get(name) ?? "";
  // A message without sections, as a tool may send, is the query itself.
  const query = sections.size === 0 ? text : section("query");
  return {
    system: messages.find((message) => message.role === "system")?.content ?? "",
    query,
    get question() {
      return read(query);
    },
    tools: readLines(section("tools"), ToolCard),
    memory: readLines(section("memory"), Entry).map(toTurn),
    step: readLines(section("step"), Entry).map(toTurn)[0] ?? null,
    context: section("context"),
    subGoal: section("sub_goal").trim(),
    tool: readLines(section("tool"), ToolCard)[0] ?? null,
    endedEarly: sections.get("ended_early") ?? null,
  };
}

/** Names match as in the loop: case, spaces, underscores and hyphens do not count. */
export function sameTool(left: string, right: string): boolean {
  const plain = (name: string) => name.toLowerCase().replaceAll(/[\s_-]/g, "");
  return plain(left) === plain(right);
}

function readLines<T>(text: string, schema: z.ZodType<T>): T[] {
  // An exception for each line that is no object would be the dearest part of reading a prompt.
  const lines = text.split("\n").filter((line) => line.trimStart().startsWith("{"));
  return lines.flatMap((line) => {
    const parsed = schema.safeParse(parseJson(line));
    return parsed.success ? [parsed.data] : [];
  });
}

function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function toTurn(entry: z.infer<typeof Entry>): TurnView {
  const outcomes = entry.calls.map((call) => readOutcome(call));
  const printed = outcomes.flatMap((outcome) => (outcome.failure === null ? [outcome.printed] : [])).join("\n");
  const failure = entry.error ?? outcomes.find((outcome) => outcome.failure !== null)?.failure ?? null;
  return {
    subGoal: entry.sub_goal,
    tool: entry.tool,
    command: JSON.stringify(entry.calls.map((call) => call.arguments ?? null)),
    printed,
    results: readResults(printed),
    failed: failure !== null || (entry.status !== null && entry.status !== "ok"),
    failure: failure === null ? null : lastLine(failure),
    stopped: entry.verification?.conclusion === "stop",
  };
}

function readOutcome(call: z.infer<typeof Call>): { printed: string; failure: string | null } {
  const value = typeof call.result === "string" ? (parseJson(call.result) ?? call.result) : call.result;
  const python = PythonResult.safeParse(value);
  const failure = call.error ?? (python.success ? (python.data.traceback ?? null) : null);
  if (python.success) {
    return { printed: python.data.stdout, failure };
  }
  return { printed: typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value), failure };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)?.slice(0, 300) ?? "";
}
