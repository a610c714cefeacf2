// Splits a question into words, numbers and signs, in one pass and without backtracking. Every reader of the
// offline engine works on these tokens; nothing here knows what a question means.

export interface Token {
  readonly kind: "word" | "number" | "sign" | "date";
  /** Lower case; of a number its digits without thousands separators, of a date its ISO form. */
  readonly text: string;
  /** Offsets in the question. */
  readonly start: number;
  readonly end: number;
}

/** A question longer than this is read up to here: no question of the domain comes near it. */
export const maxQuestionChars = 6000;

// Alternatives start with different characters or are bounded, so each character is looked at a few times at most.
const pattern =
  /(\d{1,3}(?:,\d{3}){1,6}(?![\d,])(?:\.\d+)?)|((?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,2}(?![\p{L}\d.]))?)|([\p{L}µ]+(?:['’][\p{L}]+)?)|(\S)/gu;

/** Signs that mean the same are written the same. */
const sameSign: Readonly<Record<string, string>> = {
  "−": "-",
  "–": "-",
  "—": "-",
  "·": "*",
  "∗": "*",
  "×": "*",
  "÷": "/",
  "∕": "/",
  º: "°",
  "’": "'",
};

export function readTokens(question: string): Token[] {
  const tokens: Token[] = [];
  let bracketDepth = 0;
  for (const match of question.slice(0, maxQuestionChars).matchAll(pattern)) {
    const [whole, grouped, plain, word] = match;
    const start = match.index;
    if (grouped !== undefined) {
      // Inside brackets "100,200" is a list, outside it is one number with a thousands separator.
      tokens.push(...(bracketDepth > 0 ? splitGroup(grouped, start) : [number(grouped, start)]));
    } else if (plain !== undefined) {
      tokens.push(number(plain, start));
    } else if (word !== undefined) {
      tokens.push({ kind: "word", text: word.toLowerCase().replaceAll("’", "'"), start, end: start + whole.length });
    } else {
      bracketDepth += whole === "[" || whole === "{" ? 1 : 0;
      bracketDepth -= (whole === "]" || whole === "}") && bracketDepth > 0 ? 1 : 0;
      // "2009–10" is a span of years, "5 – 3" a difference.
      const span = whole === "–" && question[start - 1]?.trim() !== "";
      const text = span ? whole : (sameSign[whole] ?? whole);
      tokens.push({ kind: "sign", text, start, end: start + whole.length });
    }
  }
  return tokens;
}

function number(text: string, start: number): Token {
  const digits = plainDigits(text.replaceAll(",", ""));
  return {
    kind: "number",
    text: digits.startsWith(".") ? `0${digits}` : digits,
    start,
    end: start + text.length,
  };
}

/** "3.5e3" without its exponent, so that every reader of numbers can read it. */
function plainDigits(text: string): string {
  const [mantissa = "", power] = text.toLowerCase().split("e");
  if (power === undefined) {
    return text;
  }
  const [whole = "", decimals = ""] = mantissa.split(".");
  const point = whole.length + Number(power);
  const digits = point <= 0 ? "0".repeat(1 - point) + whole + decimals : (whole + decimals).padEnd(point, "0");
  const at = Math.max(point, 1);
  const moved = digits.length > at ? `${digits.slice(0, at)}.${digits.slice(at)}` : digits;
  return moved.replace(/^0+(?=\d)/, "");
}

/** "100,200" as 100 and 200 with the comma between them. */
export function splitGroup(text: string, start: number): Token[] {
  let at = start;
  return text.split(",").flatMap((piece, index): Token[] => {
    const comma: Token[] = index === 0 ? [] : [{ kind: "sign", text: ",", start: at - 1, end: at }];
    const own = number(piece, at);
    at = own.end + 1;
    return [...comma, own];
  });
}

/** No space between two tokens. */
export function touches(left: Token | undefined, right: Token | undefined): boolean {
  return left !== undefined && right !== undefined && left.end === right.start;
}
