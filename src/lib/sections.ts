// A prompt's user message is a row of named sections, `<name>` … `</name>`, so that text from outside stays
// fenced as data and the offline engine can read back exactly what a model would read. It interprets nothing.

/** Sections in order; a null value leaves its section out. */
export type Sections = readonly (readonly [name: string, text: string | null])[];

// A closing tag inside a section's text would end it early, so its slash gets a backslash; reading undoes that. A
// model takes `</QUERY >` for a closing tag too, so case and blanks do not count.
function fence(text: string): string {
  return text.replaceAll(/<(\\*)\/(\s*[a-z_]+\s*)>/gi, "<\\$1/$2>");
}

function unfence(text: string): string {
  return text.replaceAll(/<\\(\\*)\/(\s*[a-z_]+\s*)>/gi, "<$1/$2>");
}

export function renderSections(sections: Sections): string {
  return sections
    .flatMap(([name, text]) => (text === null ? [] : [`<${name}>\n${fence(text)}\n</${name}>`]))
    .join("\n\n");
}

/** The inverse of `renderSections`: each section's text by name. Text outside sections is ignored. */
export function readSections(message: string): ReadonlyMap<string, string> {
  const lines = message.split("\n");
  const closings = lastLines(lines, /^<\/([a-z_]+)>$/);
  const found = new Map<string, string>();
  for (let start = 0; start < lines.length; start++) {
    const name = /^<([a-z_]+)>$/.exec(lines[start] ?? "")?.[1];
    // Openers without a closing tag are common in raw text and must not cost a scan each.
    if (name === undefined || (closings.get(name) ?? 0) < start + 2) {
      continue;
    }
    const end = lines.indexOf(`</${name}>`, start + 2);
    if (!found.has(name)) {
      found.set(name, unfence(lines.slice(start + 1, end).join("\n")));
    }
    start = end;
  }
  return found;
}

/** The last line on which each tag stands, by the tag's name. */
function lastLines(lines: readonly string[], tag: RegExp): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    const name = tag.exec(line)?.[1];
    if (name !== undefined) {
      last.set(name, index);
    }
  }
  return last;
}
