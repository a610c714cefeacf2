// Which part of a reply is the answer that gets compared. One place is chosen by fixed rules and only that place is
// read: a reply that lists many candidates must not be searched for one that happens to be right.

const openTag = "<answer>";
const closeTag = "</answer>";

/** What the last `<answer>…</answer>` holds, as the paper's authors read it, else the whole text; trimmed. */
export function finalAnswer(text: string): string {
  const lower = asciiLower(text);
  const end = lower.lastIndexOf(closeTag);
  const start = end === -1 ? -1 : lower.lastIndexOf(openTag, end);
  return (start === -1 ? text : text.slice(start + openTag.length, end)).trim();
}

/** Of the final answer what its last `\boxed{…}` holds, where it has one. */
export function boxedAnswer(text: string): string {
  const answer = finalAnswer(text);
  return lastBoxed(answer) ?? answer;
}

/** As long as the text, which `toLowerCase` does not promise. */
function asciiLower(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The last one with balanced braces; `\fbox` is the same. One pass, so that a row of open braces costs nothing. */
function lastBoxed(text: string): string | null {
  const open: (number | null)[] = [];
  let found: { readonly start: number; readonly end: number } | null = null;
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index];
    if (char === "\\" && (text[index + 1] === "{" || text[index + 1] === "}")) {
      index += 1;
    } else if (char === "{") {
      open.push(/\\f?boxe?d?\s*$/.test(text.slice(Math.max(0, index - 12), index)) ? index + 1 : null);
    } else if (char === "}") {
      const start = open.pop();
      // A box inside a box ends first, so the outer one takes its place.
      found = typeof start === "number" ? { start, end: index } : found;
    }
  }
  return found === null ? null : text.slice(found.start, found.end).trim();
}
