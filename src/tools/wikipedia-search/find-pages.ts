// Which pages of a wiki matter for a question: what its search finds, in fewer words where it finds nothing, with a
// disambiguation page replaced by what it points to. It reads introductions only.

import { ok, type Result } from "../../lib/result.ts";
import type { Ranker } from "../ranking/ranker.ts";
import { termsOf } from "../ranking/terms.ts";
import type { WebFault } from "../web-service/retry-read.ts";
import type { MediaWiki, WikiPage } from "./mediawiki.ts";

export interface FoundPages {
  /** Best first, no disambiguation pages. */
  readonly pages: readonly WikiPage[];
  /** What the wiki was asked for in the end. */
  readonly searchedFor: string;
}

/** The place of a page in each of two orders counts as in reciprocal rank fusion (Cormack et al. 2009: k = 60). */
const fusionConstant = 60;
/** The search engine refuses longer ones. */
const maxSearchChars = 300;
/** A disambiguation page further down is not what was meant. */
const openedDisambiguations = 2;

export async function findPages(
  wiki: MediaWiki,
  ranker: Ranker,
  query: string,
  signal: AbortSignal,
): Promise<Result<FoundPages, WebFault>> {
  for (const words of searchesFor(query)) {
    const searched = await wiki.search(words, signal);
    if (!searched.ok) {
      return searched;
    }
    if (searched.value.length > 0) {
      const pages = await openDisambiguation(wiki, searched.value, signal);
      return pages.ok ? ok({ pages: await order(ranker, query, pages.value, signal), searchedFor: words }) : pages;
    }
  }
  return ok({ pages: [], searchedFor: query });
}

/** The wiki's search wants every word on the page, which a whole question rarely has: then its words, then any of them. */
function searchesFor(query: string): string[] {
  const words = [...new Set(termsOf(query))];
  return [...new Set([query, words.join(" "), words.join(" OR ")])].flatMap(
    (text) => text.slice(0, maxSearchChars).replace(/\s(?:OR?)?\s*$/, "") || [],
  );
}

/** The pages that the first disambiguation page points to stand in its place. */
async function openDisambiguation(
  wiki: MediaWiki,
  found: readonly WikiPage[],
  signal: AbortSignal,
): Promise<Result<WikiPage[], WebFault>> {
  const ambiguous = found.slice(0, openedDisambiguations).find((page) => page.isDisambiguation);
  const articles = found.filter((page) => !page.isDisambiguation);
  if (ambiguous === undefined) {
    return ok(articles);
  }
  const links = await wiki.linksOf(ambiguous.id, signal);
  if (!links.ok) {
    return articles.length > 0 ? ok(articles) : links;
  }
  const known = new Set(articles.map((page) => page.id));
  return ok([...articles, ...links.value.filter((page) => !page.isDisambiguation && !known.has(page.id))]);
}

async function order(
  ranker: Ranker,
  query: string,
  pages: readonly WikiPage[],
  signal: AbortSignal,
): Promise<WikiPage[]> {
  const texts = pages.map((page) => `${page.title}. ${page.introduction.slice(0, 1000)}`);
  const ranked = await ranker.rank(query, texts, signal);
  const places = new Map(ranked.order.map(({ index }, place) => [index, place]));
  const scored = pages.map((page, index) => {
    const place = places.get(index);
    return { page, score: 1 / (fusionConstant + index) + (place === undefined ? 0 : 1 / (fusionConstant + place)) };
  });
  return scored.toSorted((a, b) => b.score - a.score).map(({ page }) => page);
}
