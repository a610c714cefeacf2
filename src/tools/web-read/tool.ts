// `web_read`: fetches one address that a model chose, takes the main text out of HTML, PDF or plain text, and gives
// the passages that fit the question. It follows no links, runs no script and asks no model for a summary.

import * as z from "zod";
import { fetchBytes } from "../../lib/guarded-fetch/fetch-bytes.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { bestPassages } from "../ranking/best-passages.ts";
import { chunkText } from "../reading/chunk-text.ts";
import { readDocument, type WebDocument } from "../reading/read-document.ts";
import type { Tool, ToolContext, ToolError, ToolOutput } from "../tool.ts";
import { toWebFault } from "../web-service/ask-service.ts";
import { faultOfStatus, retryRead, type WebFault } from "../web-service/retry-read.ts";
import { failed, hostBlocked, queryBlocked, roomBeside, shorten } from "../web-service/tool-result.ts";
import type { WebDeps } from "../web-service/web-deps.ts";

const Arguments = z.strictObject({
  url: z.string().min(1).max(2000).describe("Address of one page, PDF or text, with https://."),
  query: z.string().min(1).max(1000).describe("What to look for in it, in a sentence or a few words."),
});
export type WebReadArguments = z.infer<typeof Arguments>;

/** With retries and ranking; one fetch takes at most `fetchTimeoutMs`. */
const timeoutMs = 45_000;
const fetchTimeoutMs = 20_000;
const maxRedirects = 5;
const maxTitleChars = 200;
/** Beyond this a page is a database dump; many sessions share an isolate's 128 MB. */
const maxBytes = 3 * 1024 * 1024;
const accept = "text/html, application/xhtml+xml, application/pdf, text/plain;q=0.9, */*;q=0.5";

export function createWebRead(deps: WebDeps): Tool<WebReadArguments> {
  return {
    name: "web_read",
    description:
      "Reads one web page, PDF or text file and returns the passages of its main text that fit the query best, word for word.",
    limitations: [
      "Needs an exact, public http or https address; it does not search and follows no links.",
      "Sees no pictures or video and runs no JavaScript: pages made by scripts, and those behind a login, are empty.",
      "Returns passages of about 200 words, not the whole page; the first 3 MB of a page and 60 pages of a PDF count.",
    ],
    bestPractices: [
      "Take the address from a search result; do not invent one.",
      "Put names, dates and key terms of what is sought into the query: passages are chosen by it.",
      "Read the same page again with another query if the passages miss the point.",
    ],
    parameters: Arguments,
    timeoutMs,
    llmBacked: false,
    repeat: "safe",
    run: (args, context) => readPage(deps, args, context),
  };
}

async function readPage(
  deps: WebDeps,
  { url: given, query }: WebReadArguments,
  { signal }: ToolContext,
): Promise<Result<ToolOutput, ToolError>> {
  const url = toUrl(given);
  const host = URL.parse(url)?.host ?? "web_read";
  if (deps.blocklist.isBlockedQuery(query)) {
    return queryBlocked(host);
  }
  if (deps.blocklist.isBlockedUrl(url)) {
    return hostBlocked(host, host);
  }
  const fetched = await fetchPage(deps, url, host, signal);
  if (!fetched.ok) {
    return failed(fetched.error, host);
  }
  const { finalUrl } = fetched.value;
  const finalHost = URL.parse(finalUrl)?.host ?? host;
  if (deps.blocklist.isBlockedUrl(finalUrl)) {
    return hostBlocked(finalHost, finalHost);
  }
  const contentType = fetched.value.headers.get("content-type");
  const read = await readDocument({ ...fetched.value, contentType }, signal);
  return read.ok
    ? toOutput(deps, { query, url, finalUrl, host: finalHost, document: read.value }, signal)
    : failed(read.error, finalHost);
}

/** Models leave the scheme away. */
function toUrl(given: string): string {
  const text = given.trim();
  return /^[\w-]+(\.[\w-]+)+(:\d+)?([/?#]|$)/.test(text) ? `https://${text}` : text;
}

function fetchPage(deps: WebDeps, url: string, host: string, signal: AbortSignal) {
  return retryRead(deps, signal, async () => {
    const fetched = await fetchBytes(
      deps.pages,
      { url, headers: { accept, "user-agent": deps.userAgent } },
      { maxBytes, timeoutMs: fetchTimeoutMs, maxRedirects, larger: "cut", signal },
    );
    if (!fetched.ok) {
      return err(toWebFault(host, fetched.error));
    }
    const { status, headers } = fetched.value;
    const refused: WebFault | null = faultOfStatus(host, status, headers, deps.clock.now());
    return refused === null ? fetched : err(refused);
  });
}

interface Page {
  readonly query: string;
  readonly url: string;
  readonly finalUrl: string;
  readonly host: string;
  readonly document: WebDocument;
}

async function toOutput(
  deps: WebDeps,
  { query, url, finalUrl, host, document }: Page,
  signal: AbortSignal,
): Promise<Result<ToolOutput, ToolError>> {
  const all = chunkText(document.text);
  const chunks = all.filter((chunk) => !deps.blocklist.quotesBlockedQuery(chunk.text));
  const producedBy = (rankedBy: string) => `${host}, text by ${document.reader}, ranked by ${rankedBy}`;
  const page = {
    url,
    ...(finalUrl === url ? {} : { final_url: finalUrl }),
    title: document.title === null ? null : shorten(document.title, maxTitleChars),
    kind: document.kind,
  };
  const facts = {
    passages_in_page: all.length,
    characters: document.text.length,
    cut: document.isCut,
    ...(chunks.length < all.length ? { blocked_passages: all.length - chunks.length } : {}),
  };
  const maxChars = roomBeside({ ...page, passages: [], ...facts });
  const { passages, rankedBy } = await bestPassages(deps.ranker, { query, chunks, maxChars, signal });
  const result = {
    ...page,
    passages: passages.map(({ text, start, end, score }) => ({
      text,
      start,
      end,
      ...(document.pageAt === undefined ? {} : { page: document.pageAt(start) }),
      score,
    })),
    ...facts,
  };
  return ok({ result, producedBy: producedBy(rankedBy) });
}
