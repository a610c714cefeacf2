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
  const found = new Map<string, string>();
  for (const match of message.matchAll(/^<([a-z_]+)>\n([\s\S]*?)\n<\/\1>$/gm)) {
    const [, name, text] = match;
    if (name !== undefined && text !== undefined && !found.has(name)) {
      found.set(name, unfence(text));
    }
  }
  return found;
}
