// HTML to plain text in one pass, without a tree: for the article that a reader found, and for pages that are too
// large, too deep or too broken for a tree. Time and memory grow with the page's length alone.

import { decodeEntities } from "./entities.ts";

/** Their content is not text of the page. */
const rawElements = new Set([
  "script",
  "style",
  "noscript",
  "template",
  "svg",
  "math",
  "iframe",
  "object",
  "head",
  "select",
]);
/** Text before and after them does not run together. */
const blockElements = new Set(
  (
    "address article aside blockquote br caption center dd details div dl dt fieldset figcaption figure footer form h1 h2 " +
    "h3 h4 h5 h6 header hr li main nav ol option p pre section summary table tbody td tfoot th thead title tr ul"
  ).split(" "),
);
/** Those of which the cells of one row are. */
const cellElements = new Set(["td", "th"]);

export function stripMarkup(html: string): string {
  const lower = html.toLowerCase();
  const pieces: string[] = [];
  for (let at = 0; at < html.length;) {
    const open = html.indexOf("<", at);
    pieces.push(html.slice(at, open === -1 ? html.length : open));
    if (open === -1) {
      break;
    }
    const { next, text } = readTag(html, lower, open);
    pieces.push(text);
    at = next;
  }
  return tidyText(decodeEntities(pieces.join("")));
}

/** What a tag leaves in the text, and where the text goes on. */
function readTag(html: string, lower: string, open: number): { readonly next: number; readonly text: string } {
  if (html.startsWith("<!--", open)) {
    const end = html.indexOf("-->", open + 4);
    return { next: end === -1 ? html.length : end + 3, text: "" };
  }
  const name = /^<\/?([a-z][a-z0-9]*)/.exec(lower.slice(open, open + 24))?.[1];
  if (name === undefined && !/^<[!?]/.test(html.slice(open, open + 2))) {
    // "a < b" is text.
    return { next: open + 1, text: "<" };
  }
  const end = html.indexOf(">", open);
  if (end === -1) {
    return { next: html.length, text: "" };
  }
  if (name !== undefined && rawElements.has(name) && html.charAt(open + 1) !== "/") {
    const close = lower.indexOf(`</${name}`, end);
    return { next: close === -1 ? html.length : close, text: " " };
  }
  const isBlock = name !== undefined && blockElements.has(name);
  return { next: end + 1, text: isBlock ? (cellElements.has(name) ? " " : "\n") : "" };
}

/** Blanks folded, empty lines dropped, lines kept. */
export function tidyText(text: string): string {
  return text
    .replaceAll(/[^\S\n]+/g, " ")
    .replaceAll(/ ?\n[\s]*/g, "\n")
    .trim();
}

/** The title of a page that no tree was made of. */
export function titleOf(html: string): string | null {
  const start = html.search(/<title[\s>]/i);
  const head = start === -1 ? "" : html.slice(start, start + 2000);
  const title = /^<title[^>]*>([^<]*)/i.exec(head)?.[1] ?? "";
  return tidyText(decodeEntities(title)) || null;
}
