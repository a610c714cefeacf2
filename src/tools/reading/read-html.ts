// The main text of a web page: Readability on linkedom's tree, as reader views do it. Pages whose tree would cost too
// much memory or time, and pages that are no article, give all their text instead. It loads nothing and runs no script.

import { stripMarkup, tidyText, titleOf } from "./strip-markup.ts";

export interface PageText {
  readonly title: string | null;
  readonly text: string;
  /** `readability`, or `markup stripped` where all the page's text is given. */
  readonly reader: string;
}

/** A tree takes some fifty times its source; 128 MB must hold it beside everything else. */
const maxTreeChars = 1_000_000;
/** Opening and closing tags and entities. Readability looks at links and blocks again and again: three times as many cost 8 s. */
const maxTreeMarks = 20_000;
/** Readability looks at each picture again and again: 25,000 were measured to cost eight seconds. */
const maxTreeImages = 2_000;
/** linkedom and Readability walk a tree by recursion and by climbing; deep ones were measured to cost seconds. */
const maxTreeDepth = 400;
/** Less than this is a caption or a notice, not what the page is about. */
const minArticleChars = 250;

export async function readHtml(html: string): Promise<PageText> {
  const article = isTreeAffordable(html) ? await readArticle(html) : null;
  return article ?? { title: titleOf(html), text: stripMarkup(html), reader: "markup stripped" };
}

async function readArticle(html: string): Promise<PageText | null> {
  // Loaded when the first page is read: the Worker's start does not pay for them.
  const [{ parseHTML }, { Readability }] = await Promise.all([
    import("linkedom/worker"),
    import("@mozilla/readability"),
  ]);
  try {
    const { document } = parseHTML(
      /<html[\s>]/i.test(html) ? html : `<!doctype html><html><body>${html}</body></html>`,
    );
    const article = new Readability(document, { maxElemsToParse: maxTreeMarks }).parse();
    const text = stripMarkup(article?.content ?? "");
    const title = tidyText(article?.title ?? "") || titleOf(html);
    return text.length < minArticleChars ? null : { title, text, reader: "readability" };
  } catch {
    // Both are written for pages of good will; one that breaks them is still readable without a tree.
    return null;
  }
}

/** Elements that are never closed. */
const voidElements = /^(?:area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)$/i;

function isTreeAffordable(html: string): boolean {
  if (html.length > maxTreeChars) {
    return false;
  }
  let marks = 0;
  let images = 0;
  let depth = 0;
  // An entity and a stray "<" split a text as a tag does, and cost a node each.
  for (const [, slash, name = ""] of html.matchAll(/&|<(\/?)([a-z][a-z0-9]{0,20})?/gi)) {
    marks += 1;
    images += /^img$/i.test(name) ? 1 : 0;
    depth += name === "" || voidElements.test(name) ? 0 : slash === "/" ? -Math.min(1, depth) : 1;
    if (marks > maxTreeMarks || images > maxTreeImages || depth > maxTreeDepth) {
      return false;
    }
  }
  return true;
}
