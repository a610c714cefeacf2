// `wikipedia_search`: finds the articles that matter for a question and gives their passages that fit it, word for word,
// each with title, address and revision, so that anybody can look the source up as it was. It asks no model.

import * as z from "zod";
import { ok, type Result } from "../../lib/result.ts";
import { bestPassages } from "../ranking/best-passages.ts";
import { type Chunk, chunkText } from "../reading/chunk-text.ts";
import type { Tool, ToolAvailability, ToolContext, ToolError, ToolOutput } from "../tool.ts";
import type { WebFault } from "../web-service/retry-read.ts";
import { failed, queryBlocked, roomBeside } from "../web-service/tool-result.ts";
import type { WebDeps } from "../web-service/web-deps.ts";
import { findPages } from "./find-pages.ts";
import { createMediaWiki, type MediaWiki, type WikiPage, type WikiText } from "./mediawiki.ts";

const Arguments = z.strictObject({
  query: z.string().min(1).max(300).describe("What to find: the names and key words that the article must contain."),
});
export type WikipediaArguments = z.infer<typeof Arguments>;

export interface Wikipedia {
  /** Ends in `/api.php`. */
  readonly apiUrl: string;
  /** As the configuration names it, e.g. `en`. */
  readonly language: string;
}

/** Up to six requests, one after the other, and their retries. */
const timeoutMs = 45_000;
const maxPages = 3;
const maxOtherPages = 5;
/** `wikipedia` holds what is wrong with the configuration where there is none to use. */
export function createWikipediaSearch(
  deps: WebDeps,
  wikipedia: Wikipedia | Extract<ToolAvailability, { state: "needs" }>,
): Tool<WikipediaArguments> {
  const availability: ToolAvailability = "apiUrl" in wikipedia ? { state: "ready" } : wikipedia;
  const where = "apiUrl" in wikipedia ? ` (${wikipedia.language})` : "";
  const wiki = "apiUrl" in wikipedia ? createMediaWiki(wikipedia.apiUrl, deps) : null;
  return {
    name: "wikipedia_search",
    availability,
    description: `Searches Wikipedia${where} and returns the passages of its best articles that fit the query, with their sources.`,
    limitations: [
      "Knows Wikipedia alone: no news of today, no private data, few facts about little-known people and products.",
      "Returns passages of about 200 words from at most three articles; tables and info boxes are not in them.",
    ],
    bestPractices: [
      "Search for the name of a person, place, work or event with one or two key words, not for a whole question.",
      "Take one hop at a time: first find who or what is meant, then search for that name.",
      "If the passages miss the point, search for the title of one of the other pages that are listed.",
    ],
    parameters: Arguments,
    timeoutMs,
    llmBacked: false,
    repeat: "safe",
    run: (args, context) =>
      wiki === null
        ? Promise.resolve(
            failed({ code: "tool_not_configured", detail: "the wiki's address is not usable" }, "wikipedia_search"),
          )
        : search(deps, wiki, args.query, context),
  };
}

async function search(
  deps: WebDeps,
  wiki: MediaWiki,
  query: string,
  { signal }: ToolContext,
): Promise<Result<ToolOutput, ToolError>> {
  if (deps.blocklist.isBlockedQuery(query)) {
    return queryBlocked(wiki.host);
  }
  const found = await findPages(wiki, deps.ranker, query, signal);
  if (!found.ok) {
    return failed(found.error, wiki.host);
  }
  const pages = found.value.pages.filter((page) => !deps.blocklist.isBlockedUrl(page.url));
  const read = await readPages(wiki, pages.slice(0, maxPages), signal);
  if (!read.ok) {
    return failed(read.error, wiki.host);
  }
  const frame = {
    query,
    ...(found.value.searchedFor === query ? {} : { searched_for: found.value.searchedFor }),
    pages: [],
    other_pages: pages.slice(maxPages, maxPages + maxOtherPages).map(({ title }) => title),
  };
  const chosen = await choosePassages(deps, query, read.value, frame, signal);
  return ok({
    result: { ...frame, pages: chosen.pages },
    producedBy: `${wiki.host}, ranked by ${chosen.rankedBy}`,
  });
}

interface ReadPage {
  readonly page: WikiPage;
  readonly source: WikiText;
}

/** What can be read of them; a fault only where nothing can. */
async function readPages(
  wiki: MediaWiki,
  pages: readonly WikiPage[],
  signal: AbortSignal,
): Promise<Result<ReadPage[], WebFault>> {
  const read: ReadPage[] = [];
  let failure: Extract<Result<never, WebFault>, { ok: false }> | null = null;
  for (const page of pages) {
    const text = await wiki.textOf(page.id, signal);
    if (!text.ok) {
      failure = text;
    } else if (text.value !== null) {
      read.push({ page, source: text.value });
    }
  }
  return read.length === 0 && failure !== null ? failure : ok(read);
}

async function choosePassages(
  deps: WebDeps,
  query: string,
  read: readonly ReadPage[],
  frame: object,
  signal: AbortSignal,
) {
  const owners: ReadPage[] = [];
  const chunks: Chunk[] = [];
  for (const one of read) {
    for (const chunk of chunkText(one.source.text).filter(({ text }) => !deps.blocklist.quotesBlockedQuery(text))) {
      owners.push(one);
      chunks.push(chunk);
    }
  }
  const chosen = await bestPassages(deps.ranker, {
    query,
    chunks,
    // The text of an article seldom repeats what the article is about.
    rankAs: (chunk, index) => `${owners[index]?.page.title ?? ""}. ${chunk.text}`,
    maxChars: roomBeside([frame, read.map((one) => toEntry(one, []))]),
    signal,
  });
  const byPage = Map.groupBy(chosen.passages, (passage) => owners[passage.index]);
  const pages = [...byPage].flatMap(([owner, passages]) =>
    owner === undefined
      ? []
      : [
          toEntry(
            owner,
            passages.map(({ text, start, end, score }) => ({ text, start, end, score })),
          ),
        ],
  );
  return { pages, rankedBy: chosen.rankedBy };
}

function toEntry({ page, source }: ReadPage, passages: readonly object[]) {
  return {
    title: page.title,
    url: page.url,
    revision: source.revision,
    ...(source.revisedAt === null ? {} : { revised_at: source.revisedAt }),
    ...(page.redirectedFrom === null ? {} : { redirected_from: page.redirectedFrom }),
    passages,
  };
}
