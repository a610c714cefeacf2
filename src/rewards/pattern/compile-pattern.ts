// A regular expression that is matched in time linear in the text (Thompson's simulation of all states at once), so
// that a pattern such as `(a+)+$` cannot hold up the object that scores. It answers whether, not where, it matches.

import { err, ok, type Result } from "../../lib/result.ts";
import { unreachable } from "../../lib/unreachable.ts";
import { type Assertion, parsePattern, type PatternNode } from "./parse-pattern.ts";

export interface Pattern {
  /** Whether the pattern occurs anywhere in the text. */
  readonly test: (text: string) => boolean;
}

/** `u` always holds. */
export type PatternFlags = { readonly i: boolean; readonly m: boolean; readonly s: boolean };

export const maxPatternLength = 1000;
/** With a text of 16 K characters at most 8 M steps. Repeats count as often as they may have to be unrolled. */
const maxStates = 500;

type State =
  | { readonly kind: "match" }
  | { readonly kind: "char"; readonly set: number; readonly next: number }
  | { readonly kind: "assertion"; readonly which: Assertion; readonly next: number }
  | { readonly kind: "split"; readonly next: number[] };

interface Program {
  readonly states: State[];
  /** What one character may be, by source, so that equal atoms are tested once a character. */
  readonly sets: string[];
}

export function compilePattern(pattern: string, flags: PatternFlags): Result<Pattern, string> {
  if (pattern.length > maxPatternLength) {
    return err(`the pattern is longer than ${maxPatternLength} characters`);
  }
  const letters = `u${flags.i ? "i" : ""}${flags.s ? "s" : ""}`;
  try {
    RegExp(pattern, letters);
  } catch (error) {
    return err(error instanceof Error ? error.message : "the pattern is not a regular expression");
  }
  const tree = parsePattern(pattern);
  if (!tree.ok) {
    return tree;
  }
  if (stateCount(tree.value) > maxStates) {
    return err(`the pattern has more than ${maxStates} states once its repeats are written out`);
  }
  const program: Program = { states: [{ kind: "match" }], sets: [] };
  const start = build(program, tree.value, 0);
  const sets = program.sets.map((source) => memoized(RegExp(`^(?:${source})$`, letters)));
  const isWord = memoized(RegExp("^\\w$", letters));
  return ok({ test: (text) => simulate({ states: program.states, sets, isWord, start, multiline: flags.m }, text) });
}

function stateCount(node: PatternNode): number {
  switch (node.kind) {
    case "char":
    case "assertion":
      return 1;
    case "sequence":
    case "choice":
      return node.items.reduce((total, item) => total + stateCount(item), 1);
    case "repeat":
      return 1 + (stateCount(node.of) + 1) * (node.max === Infinity ? node.min + 1 : node.max);
    default:
      return unreachable(node);
  }
}

/** Adds the states of `node`, after which `next` follows, and returns the first. */
function build(program: Program, node: PatternNode, next: number): number {
  switch (node.kind) {
    case "char":
      return add(program, { kind: "char", set: setOf(program, node.source), next });
    case "assertion":
      return add(program, { kind: "assertion", which: node.which, next });
    case "sequence":
      return node.items.reduceRight((following, item) => build(program, item, following), next);
    case "choice":
      return add(program, { kind: "split", next: node.items.map((item) => build(program, item, next)) });
    case "repeat":
      return buildRepeat(program, node, next);
    default:
      return unreachable(node);
  }
}

function buildRepeat(
  program: Program,
  { of, min, max }: PatternNode & { readonly kind: "repeat" },
  next: number,
): number {
  let start = next;
  if (max === Infinity) {
    const loop: number[] = [next];
    start = add(program, { kind: "split", next: loop });
    loop.push(build(program, of, start));
  } else {
    for (let optional = min; optional < max; optional += 1) {
      start = add(program, { kind: "split", next: [next, build(program, of, start)] });
    }
  }
  for (let count = 0; count < min; count += 1) {
    start = build(program, of, start);
  }
  return start;
}

function add(program: Program, state: State): number {
  return program.states.push(state) - 1;
}

function setOf(program: Program, source: string): number {
  const known = program.sets.indexOf(source);
  return known === -1 ? program.sets.push(source) - 1 : known;
}

/** A single character leaves nothing to backtrack over, so the engine's own RegExp is safe here. */
function memoized(single: RegExp): (char: string) => boolean {
  const known = new Map<string, boolean>();
  return (char) => {
    const before = known.get(char);
    if (before !== undefined) {
      return before;
    }
    const result = single.test(char);
    known.set(char, result);
    return result;
  };
}

interface Machine {
  readonly states: readonly State[];
  readonly sets: readonly ((char: string) => boolean)[];
  readonly isWord: (char: string) => boolean;
  readonly start: number;
  readonly multiline: boolean;
}

function simulate(machine: Machine, text: string): boolean {
  const chars = Array.from(text);
  const seen = new Uint32Array(machine.states.length);
  let waiting: number[] = [];
  for (let at = 0; at <= chars.length; at += 1) {
    const reached = follow(machine, chars, at, [...waiting, machine.start], seen);
    if (reached === "match") {
      return true;
    }
    const char = chars[at] ?? "";
    waiting = [];
    for (const index of reached) {
      const state = machine.states[index];
      if (state?.kind === "char" && machine.sets[state.set]?.(char) === true) {
        waiting.push(state.next);
      }
    }
  }
  return false;
}

/** The states that wait for a character, reached without reading one; `seen` holds the position, plus one. */
function follow(
  machine: Machine,
  chars: readonly string[],
  at: number,
  from: number[],
  seen: Uint32Array,
): "match" | readonly number[] {
  const reached: number[] = [];
  for (let index = from.pop(); index !== undefined; index = from.pop()) {
    const state = machine.states[index];
    if (state === undefined || seen[index] === at + 1) {
      continue;
    }
    seen[index] = at + 1;
    if (state.kind === "match") {
      return "match";
    }
    if (state.kind === "char") {
      reached.push(index);
    } else if (state.kind === "split") {
      from.push(...state.next);
    } else if (holds(machine, state.which, chars[at - 1], chars[at])) {
      from.push(state.next);
    }
  }
  return reached;
}

function holds(machine: Machine, which: Assertion, before: string | undefined, after: string | undefined): boolean {
  const ends = (char: string | undefined): boolean =>
    char === undefined || (machine.multiline && /[\n\r\u2028\u2029]/.test(char));
  const isWord = (char: string | undefined): boolean => char !== undefined && machine.isWord(char);
  switch (which) {
    case "^":
      return ends(before);
    case "$":
      return ends(after);
    case "\\b":
      return isWord(before) !== isWord(after);
    case "\\B":
      return isWord(before) === isWord(after);
    default:
      return unreachable(which);
  }
}
