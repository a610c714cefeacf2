// The labelled text form (`Context: …`, `Sub-Goal: …`, `Tool Name: …`) that models fall back to when nothing
// constrains them. It reads the last sequence of labels and leaves a field out rather than guess: an enum's value
// counts only if it is one of the allowed words, so "do not stop yet" is never read as "stop".

import type { ReplySchema } from "./engine.ts";

interface Label {
  readonly field: string;
  readonly names: ReadonlySet<string>;
}

interface Occurrence {
  readonly field: string;
  /** Position of the field in the schema's labels. */
  readonly order: number;
  readonly value: string;
}

/** More labels than this is not a reply but a loop of one; only the end of it is read. */
const MAX_OCCURRENCES = 200;
/** A name is at most this many words; longer values keep their final full stop. */
const NAME_WORDS = 3;
const MAX_NAME_LENGTH = 100;

/** Candidate values, most likely first: sequences in the declared order from the last, then in any order. */
export function* readLabelled(schema: ReplySchema, text: string): Generator<Record<string, unknown>> {
  const labels = Object.entries(schema.labels).map(([field, names]) => ({
    field,
    names: new Set(names.map(canonical)),
  }));
  const found = occurrences(labels, text).slice(-MAX_OCCURRENCES);
  for (const ordered of [true, false]) {
    for (let last = found.length - 1; last >= 0; last -= 1) {
      yield toFields(schema, sequenceBefore(found, last, ordered));
    }
  }
}

/** The labels that lead up to `last`, back to the first repetition (or break of the order). */
function sequenceBefore(found: readonly Occurrence[], last: number, ordered: boolean): Occurrence[] {
  const taken: Occurrence[] = [];
  for (const occurrence of found.slice(0, last + 1).toReversed()) {
    const previous = taken.at(-1);
    const repeated = taken.some((earlier) => earlier.field === occurrence.field);
    if (repeated || (ordered && previous !== undefined && occurrence.order > previous.order)) {
      break;
    }
    taken.push(occurrence);
  }
  return taken.toReversed();
}

function occurrences(labels: readonly Label[], text: string): Occurrence[] {
  const found: { field: string; order: number; lines: string[] }[] = [];
  for (const line of text.split(/\r?\n/u)) {
    const start = labelAt(labels, line);
    if (start !== null) {
      found.push(start);
    } else {
      found.at(-1)?.lines.push(line);
    }
  }
  return found.map(({ field, order, lines }) => ({ field, order, value: lines.join("\n").trim() }));
}

/** `3. **Sub-Goal**: value`, `### Tool Name: value`, `- Context : value`, with any of the marks left out. */
const LABEL = /^[\s>#*_`-]{0,12}(?:\(?\d{1,2}[.):])?[\s*_`]{0,6}([A-Za-z][A-Za-z _-]{0,40}?)[\s*_`]{0,6}[:\uFF1A]/u;

function labelAt(labels: readonly Label[], line: string) {
  const match = LABEL.exec(line);
  if (match === null) {
    return null;
  }
  const name = canonical(match[1] ?? "");
  const order = labels.findIndex((label) => label.names.has(name));
  const label = labels[order];
  // The marks that closed a bold label belong to it: `**Context:** value`.
  const value = line.slice(match[0].length).replace(/^\s?(?:\*\*|__|`)(?=\s|$)/u, "");
  return label === undefined ? null : { field: label.field, order, lines: [value] };
}

function canonical(label: string): string {
  return label.toLowerCase().replaceAll(/[\s_-]+/gu, "");
}

function toFields(schema: ReplySchema, sequence: readonly Occurrence[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [index, { field, value }] of sequence.entries()) {
    // Words after the last field are usually a farewell; those of the others may have paragraphs.
    const own = index === sequence.length - 1 ? (value.split(/\n\s*\n/u)[0] ?? "") : value;
    const read = readValue(propertyOf(schema, field), own);
    if (read !== undefined) {
      fields[field] = read;
    }
  }
  return fields;
}

function propertyOf(schema: ReplySchema, field: string): Record<string, unknown> {
  const properties = schema.json["properties"];
  const property = isRecord(properties) ? properties[field] : undefined;
  return isRecord(property) ? property : {};
}

function readValue(property: Record<string, unknown>, value: string): unknown {
  const allowed = property["const"] === undefined ? property["enum"] : [property["const"]];
  if (Array.isArray(allowed)) {
    if (value.length > MAX_NAME_LENGTH) {
      return undefined;
    }
    const word = trimPunctuation(value).toLowerCase();
    return allowed.find((one) => typeof one === "string" && one.toLowerCase() === word);
  }
  const type = property["type"];
  if (type !== undefined && type !== "string") {
    // A list may be written as a line of words; whether that will do is for the schema to say.
    return parseJson(value) ?? unwrap(value);
  }
  const bare = unwrap(value);
  const isName = bare.length <= MAX_NAME_LENGTH && !bare.includes("\n") && bare.split(/\s+/u).length <= NAME_WORDS;
  return isName ? unwrap(bare.replace(/\.$/u, "")) : bare;
}

/** Takes off bold marks, backticks and quotes that enclose the whole value. */
function unwrap(value: string): string {
  let bare = value.trim();
  for (const mark of ["**", "__", "`", '"', "'", "*"]) {
    if (bare.length > 2 * mark.length && bare.startsWith(mark) && bare.endsWith(mark)) {
      bare = bare.slice(mark.length, -mark.length).trim();
    }
  }
  return bare;
}

function trimPunctuation(value: string): string {
  return value.replaceAll(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, "");
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
