// Looks at the outline of a JSON-like text without parsing it: where it starts and whether it was cut off. A cut
// value must not be closed by a repair: half a program is still a program, and half a name may be another tool.

/** Deeper than any reply's schema; recursive repair of more would exhaust the stack. */
const MAX_DEPTH = 100;

/** Index of the first brace or bracket that may open a value, or -1. */
export function jsonStart(text: string): number {
  return text.search(/\{|\[\s*[{"\]]/u);
}

/** True where the text ends inside a string, on a bare word or number, or is nested beyond reason. */
export function isCutOff(text: string): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '"') {
      index = closingQuote(text, index);
      if (index === text.length) {
        return true;
      }
    } else if (char === "{" || char === "[") {
      depth += 1;
      if (depth > MAX_DEPTH) {
        return true;
      }
    } else if (char === "}" || char === "]") {
      depth -= 1;
    }
  }
  return depth > 0 && !/[}\]"'`,]$/u.test(text.trimEnd());
}

/** The balanced `{…}` pieces of a text with words around them; quotes count only inside a piece. */
export function topLevelObjects(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === '"' && depth > 0) {
      index = closingQuote(text, index);
    } else if (char === "{") {
      start = depth === 0 ? index : start;
      depth += 1;
    } else if (char === "}" && depth > 0) {
      depth -= 1;
      if (depth === 0) {
        found.push(text.slice(start, index + 1));
      }
    }
  }
  return found;
}

/** Index of the quote that closes the string opened at `from`; the text's length where none does. */
function closingQuote(text: string, from: number): number {
  for (let index = from + 1; index < text.length; index += 1) {
    if (text[index] === "\\") {
      index += 1;
    } else if (text[index] === '"') {
      return index;
    }
  }
  return text.length;
}
