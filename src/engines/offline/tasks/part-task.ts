// What a generated part is: a question and a noun phrase with a reference value, in wordings of three lists that do not
// overlap: one to train on, one to look at while features and training are made, and one that is only examined.

import type { Random } from "../../../lib/random.ts";
import type { PartKind } from "../question/part.ts";

export const splits = ["train", "validation", "heldout"] as const;
export type Split = (typeof splits)[number];

export interface PartTask {
  readonly kind: PartKind;
  /** As a sentence of its own. */
  readonly ask: string;
  /** As a piece of a longer sentence. */
  readonly noun: string;
  /** A number where the part can be calculated with, else a text; null where many answers are right (targets). */
  readonly value: number | string | null;
  /** Of a target puzzle. */
  readonly puzzle?: { readonly numbers: readonly number[]; readonly target: number };
}

export type Wordings = Readonly<Record<Split, readonly string[]>>;

/** Fills `{a}`-like slots. */
export function fillIn(wording: string, slots: Readonly<Record<string, string>>): string {
  return wording.replaceAll(/\{([a-z]+)\}/g, (whole, name: string) => slots[name] ?? whole);
}

/** What stands before and after a noun phrase to make a question of it. */
const frames: Wordings = {
  train: [
    "What is {noun}?",
    "Calculate {noun}.",
    "Find {noun}.",
    "Tell me {noun}.",
    "Work out {noun}",
    "{noun}",
    "Please give me {noun}.",
    "Can you compute {noun}?",
    "What's {noun}?",
    "I need {noun}.",
    "Determine {noun}.",
  ],
  validation: [
    "Could you work out {noun}?",
    "I'd like to know {noun}.",
    "Show me {noun}.",
    "Let me have {noun}, please.",
    "What would {noun} be?",
  ],
  heldout: ["Would you compute {noun}?", "Let's find {noun}.", "Do you know {noun}?", "I want {noun}.", "Give {noun}."],
};

export function framed(
  kind: PartKind,
  split: Split,
  random: Random,
  noun: string,
  value: number | string,
  asks: readonly string[] = [],
): PartTask {
  const ask = asks.length > 0 && random.next() < 0.7 ? random.pick(asks) : fillIn(random.pick(frames[split]), { noun });
  return { kind, noun, value, ask: ask.slice(0, 1).toUpperCase() + ask.slice(1) };
}
