// From a model's text to a value of the shape that was asked for: strict JSON first, then repaired JSON, then the
// labelled text form. It never throws, never guesses a missing field and never completes a value that was cut off.

import { jsonrepair } from "jsonrepair";
import type * as z from "zod";
import type { Parsed, ReplySchema } from "./engine.ts";
import { readLabelled } from "./labelled.ts";
import { isCutOff, jsonStart, topLevelObjects } from "./json-shape.ts";

const MAX_ERROR_LENGTH = 300;
/** Of several objects in one reply the last that fits counts; further back than this is not searched. */
const MAX_OBJECTS = 20;
/** Repair takes quadratic time where a string is full of stray quotes: 15 s for 320 KB, 0.2 s for this much. */
const MAX_REPAIR_LENGTH = 32 * 1024;

/** The parse of a whole reply. `text` is never changed: reasoning and fences are set aside for parsing only. */
export function parseReply(schema: ReplySchema, text: string): Parsed {
  const errors: string[] = [];
  for (const candidate of candidatesOf(text)) {
    const parsed = strictly(schema.parse, candidate, errors);
    if (parsed !== null) {
      return { how: "strict", value: parsed.value };
    }
  }
  const body = withoutReasoning(text);
  const repaired = repair(schema.parse, body, errors);
  if (repaired !== null) {
    return { how: "repaired", value: repaired.value };
  }
  for (const fields of readLabelled(schema, body)) {
    const checked = check(schema.parse, fields, []);
    if (checked !== null) {
      return { how: "labelled", value: checked.value };
    }
  }
  return { how: "none", error: explain(schema, body, errors) };
}

interface Box {
  readonly value: unknown;
}

/** The whole text, the text after its reasoning, and the inside of its fences, the last one first. */
function candidatesOf(text: string): string[] {
  const body = withoutReasoning(text);
  const found = [text.trim(), body, ...fences(body)];
  return [...new Set(found)].filter((candidate) => candidate !== "");
}

/** Some chat templates open the reasoning in the prompt, so a closing mark alone counts; an unclosed one never ends. */
function withoutReasoning(text: string): string {
  const closed = text.lastIndexOf("</think>");
  const rest = closed === -1 ? text : text.slice(closed + "</think>".length);
  const open = rest.indexOf("<think>");
  return (open === -1 ? rest : rest.slice(0, open)).trim();
}

function fences(text: string): string[] {
  const parts = text.split("```");
  const inside = parts.filter((_, index) => index % 2 === 1);
  return inside.map((part) => part.replace(/^[\w-]*[ \t]*\r?\n?/u, "").trim()).toReversed();
}

function strictly(schema: z.ZodType, text: string, errors: string[]): Box | null {
  const json = attempt(() => ({ value: JSON.parse(text) }));
  return json === null ? null : check(schema, json.value, errors);
}

/** Objects with words around them or small slips of syntax. What was cut off is left to be asked again. */
function repair(schema: z.ZodType, body: string, errors: string[]): Box | null {
  const whole = [...fences(body), body].map((text) => text.slice(Math.max(0, jsonStart(text))));
  const objects = topLevelObjects(body).toReversed().slice(0, MAX_OBJECTS);
  let budget = MAX_REPAIR_LENGTH;
  for (const candidate of new Set([...objects, ...whole])) {
    if (jsonStart(candidate) !== 0) {
      continue;
    }
    if (isCutOff(candidate)) {
      errors.push("the JSON is cut off");
      continue;
    }
    let found = strictly(schema, candidate, errors);
    if (found === null && candidate.length <= budget) {
      budget -= candidate.length;
      const value = attempt(() => ({ value: JSON.parse(jsonrepair(candidate)) }));
      found = value === null ? null : check(schema, value.value, errors);
    }
    if (found !== null) {
      return found;
    }
  }
  return null;
}

function check(schema: z.ZodType, value: unknown, errors: string[]): Box | null {
  const result = attempt(() => schema.safeParse(value));
  if (result === null) {
    return null;
  }
  if (result.success) {
    return { value: result.data };
  }
  const [issue] = result.error.issues;
  if (issue !== undefined) {
    errors.push(`${issue.path.length === 0 ? "the value" : issue.path.join(".")}: ${issue.message}`);
  }
  return null;
}

/** For libraries that report a malformed or too deeply nested text by throwing. */
function attempt<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function explain(schema: ReplySchema, body: string, errors: readonly string[]): string {
  if (body === "") {
    return "the reply is empty";
  }
  const labels = Object.values(schema.labels).map((names) => names[0] ?? "");
  const reason = errors.at(-1) ?? "it holds no JSON object";
  const wanted = labels.length === 0 ? "" : `, and no complete sequence of ${labels.join(" / ")}`;
  return `not a valid ${schema.name}: ${reason}${wanted}`.slice(0, MAX_ERROR_LENGTH);
}
