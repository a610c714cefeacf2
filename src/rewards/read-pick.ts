// Reads which option of a multiple choice a text picks. The rules go from the plainest form to the loosest and the
// first that applies decides; an upper-case letter counts as one only where it cannot be the article "A" or "I".

import { normalizeAnswer } from "./normalize-answer.ts";

export interface Pick {
  /** 0 for A; null where only the content is known. */
  readonly index: number | null;
  /** Normalised; null where only the letter is known. */
  readonly content: string | null;
}

/** The pick stands at the end of a long answer. */
const maxTail = 8192;
const alone = /^\W{0,10}(?:(?:option|choice|answer)\W{1,5})?([A-Za-z])\W{0,10}$/i;
const label = /^\s*(?:\(([A-Za-z])\)|\[([A-Za-z])\]|([A-Za-z])[).:])\s*(?=\S)/;
const letter = String.raw`(?:\(([A-Za-z])\)|\[([A-Za-z])\]|([B-HJ-Z])(?![\p{L}\p{N}'’])|([AI])(?=\s*(?:[.,:;)!]|$)|\s+(?:because|since|as)\b))`;
const answerCue = new RegExp(
  String.raw`\b(?:[Aa]nswer|ANSWER|[Cc]hoice|[Oo]ption)(?:\s+is|\s*:)\s*(?::\s*)?(?:[Oo]ption\s+|[Cc]hoice\s+)?${letter}`,
  "gu",
);
const optionCue = new RegExp(String.raw`\b(?:[Oo]ption|[Cc]hoice)\s+${letter}`, "gu");
const another = /^\s*(?:or|and|,|\/|&)\s*(?:[Oo]ption\s+)?\(?[A-Z]\b/;
const negation = /\b(?:not|no|never|neither|nor|isnt|cannot|except|dont|doesnt|wrong|incorrect)\b/;

/** `options` are normalised. Without any, every text has at least a content. */
export function readPick(text: string, options: readonly string[]): Pick | null {
  const plain = plainText(text.slice(-maxTail));
  const content = normalizeAnswer(plain);
  if (content === "") {
    return null;
  }
  const only = alone.exec(plain)?.[1];
  if (only !== undefined) {
    return fromLetter(only, options);
  }
  // Before the content: normalisation takes the label of "(A) Rome" for an article and leaves "rome".
  const labelled = label.exec(plain);
  if (labelled !== null) {
    return fromLabel(labelled, plain, options);
  }
  if (options.includes(content)) {
    return { index: options.indexOf(content), content };
  }
  const cued = fromCue(plain, options);
  if (cued !== undefined) {
    return cued;
  }
  return options.length === 0 ? { index: null, content } : fromMention(content, options);
}

/** Lines such as `A) Paris` or `(B) Rome` in a question, from A on, where the task does not list its options. */
export function optionsOf(query: string): string[] {
  const found: string[] = [];
  for (const line of query.split(/\r?\n/)) {
    const match = label.exec(line);
    if (match !== null && indexOf(letterOf(match)) === found.length && found.length < 26) {
      found.push(line.slice(match[0].length));
    }
  }
  return found.length < 2 ? [] : found;
}

function plainText(text: string): string {
  return text
    .replaceAll(/\\(?:text|textbf|mathrm|mathbf|boxed)\s*\{([^{}]{0,500})\}/g, "$1")
    .replaceAll(/\*\*|__|`|\$/g, "")
    .trim();
}

function fromLetter(name: string, options: readonly string[]): Pick | null {
  const index = indexOf(name);
  if (options.length === 0) {
    return { index, content: null };
  }
  const content = options[index];
  return content === undefined ? null : { index, content };
}

/** "(a) Paris": where the rest is another option's content, the two contradict each other. */
function fromLabel(match: RegExpExecArray, text: string, options: readonly string[]): Pick | null {
  const rest = normalizeAnswer(text.slice(match[0].length));
  if (options.length === 0) {
    return { index: indexOf(letterOf(match)), content: rest };
  }
  const pick = fromLetter(letterOf(match), options);
  return options.includes(rest) && pick?.content !== rest ? null : pick;
}

/** The last "answer is C"; else the one letter that "option C" names. Undefined where there is no such phrase. */
function fromCue(text: string, options: readonly string[]): Pick | null | undefined {
  const answered = [...text.matchAll(answerCue)].at(-1);
  if (answered !== undefined) {
    const rest = text.slice(answered.index + answered[0].length, answered.index + answered[0].length + 40);
    return another.test(rest) ? null : fromLetter(letterOf(answered), options);
  }
  const named = new Set([...text.matchAll(optionCue)].map((match) => indexOf(letterOf(match))));
  const [index, ...more] = named;
  if (index === undefined) {
    return undefined;
  }
  return more.length > 0 || negation.test(normalizeAnswer(text))
    ? null
    : fromLetter(String.fromCodePoint(65 + index), options);
}

/** The one option whose content occurs, unless something in the sentence may deny it. */
function fromMention(content: string, options: readonly string[]): Pick | null {
  const occurs = options.filter((option) => ` ${content} `.includes(` ${option} `));
  const longest = occurs.filter((option) => !occurs.some((other) => other !== option && other.includes(option)));
  const [only, ...more] = longest;
  if (only === undefined || more.length > 0 || negation.test(content.replace(only, ""))) {
    return null;
  }
  return { index: options.indexOf(only), content: only };
}

function letterOf(match: RegExpExecArray): string {
  return match.slice(1).find((group) => group !== undefined) ?? "";
}

function indexOf(name: string): number {
  return (name.toUpperCase().codePointAt(0) ?? 0) - 65;
}
