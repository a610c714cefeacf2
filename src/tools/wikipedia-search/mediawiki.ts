// The MediaWiki API as this tool uses it: search with introductions, a disambiguation page's links, one page's text
// with its revision. Requests go one after the other and with `maxlag`, as the API's etiquette asks; it chooses nothing.

import * as z from "zod";
import type { Result } from "../../lib/result.ts";
import { askService } from "../web-service/ask-service.ts";
import { readRetryAfter, type WebFault } from "../web-service/retry-read.ts";
import type { WebDeps } from "../web-service/web-deps.ts";

export interface WikiPage {
  readonly id: number;
  readonly title: string;
  readonly url: string;
  /** Plain text before the first section. */
  readonly introduction: string;
  readonly isDisambiguation: boolean;
  /** The title that was asked for, where it redirects here. */
  readonly redirectedFrom: string | null;
}

export interface WikiText {
  /** Plain text, sections headed `== so ==`. */
  readonly text: string;
  readonly revision: number;
  readonly revisedAt: string | null;
}

export interface MediaWiki {
  /** Host of the API, for provenance. */
  readonly host: string;
  /** In the search engine's order. */
  search(words: string, signal: AbortSignal): Promise<Result<readonly WikiPage[], WebFault>>;
  linksOf(pageId: number, signal: AbortSignal): Promise<Result<readonly WikiPage[], WebFault>>;
  /** Null for a page without text. */
  textOf(pageId: number, signal: AbortSignal): Promise<Result<WikiText | null, WebFault>>;
}

const timeoutMs = 10_000;
/** Seconds of replication lag from which on bots shall wait; the value that the manual advises. */
const maxLagSeconds = "5";
/** The most introductions that the API gives at once. */
const maxIntroductions = "20";
const maxSearched = "10";

const Page = z.looseObject({
  pageid: z.int().optional(),
  title: z.string(),
  index: z.int().optional(),
  fullurl: z.string().optional(),
  extract: z.string().optional(),
  pageprops: z.looseObject({ disambiguation: z.unknown().optional() }).optional(),
  revisions: z.array(z.looseObject({ revid: z.int(), timestamp: z.string().optional() })).optional(),
});

const Reply = z.looseObject({
  error: z.looseObject({ code: z.string(), info: z.string().optional() }).optional(),
  batchcomplete: z.unknown().optional(),
  query: z
    .looseObject({
      pages: z.array(Page).optional(),
      redirects: z.array(z.looseObject({ from: z.string(), to: z.string() })).optional(),
    })
    .optional(),
});
type Reply = z.infer<typeof Reply>;

const introductions = {
  prop: "extracts|info|pageprops",
  exintro: "1",
  explaintext: "1",
  exlimit: maxIntroductions,
  inprop: "url",
  ppprop: "disambiguation",
};

/** `apiUrl` ends in `/api.php`. */
export function createMediaWiki(apiUrl: string, deps: WebDeps): MediaWiki {
  const ask = async (parameters: Readonly<Record<string, string>>, signal: AbortSignal) =>
    askService(deps, {
      service: "the MediaWiki API",
      url: `${apiUrl}?${new URLSearchParams({ ...common, ...parameters }).toString()}`,
      schema: Reply.refine(
        (reply) => reply.error !== undefined || reply.query !== undefined || reply.batchcomplete !== undefined,
      ),
      check: (reply, headers) => faultOf(reply, headers, deps.clock.now()),
      signal,
      timeoutMs,
    });
  const pages = async (parameters: Readonly<Record<string, string>>, signal: AbortSignal) => {
    const asked = await ask({ ...introductions, ...parameters }, signal);
    return asked.ok ? { ok: true as const, value: toPages(asked.value) } : asked;
  };
  return {
    host: new URL(apiUrl).host,
    search: (words, signal) =>
      pages({ generator: "search", gsrsearch: words, gsrlimit: maxSearched, gsrnamespace: "0" }, signal),
    linksOf: (pageId, signal) =>
      pages({ generator: "links", pageids: String(pageId), gplnamespace: "0", gpllimit: maxIntroductions }, signal),
    async textOf(pageId, signal) {
      const asked = await ask(
        {
          prop: "extracts|revisions",
          pageids: String(pageId),
          explaintext: "1",
          exsectionformat: "wiki",
          rvprop: "ids|timestamp",
        },
        signal,
      );
      return asked.ok ? { ok: true, value: toText(asked.value) } : asked;
    },
  };
}

const common = { action: "query", format: "json", formatversion: "2", redirects: "1", maxlag: maxLagSeconds };

/** The API answers errors with status 200. */
function faultOf({ error }: Reply, headers: Headers, nowMs: number): WebFault | null {
  if (error === undefined) {
    return null;
  }
  const retryAfterMs = readRetryAfter(headers, nowMs);
  switch (error.code) {
    case "maxlag":
      return { code: "server_error", detail: "the wiki is lagging and asks to wait", retryable: true, retryAfterMs };
    case "ratelimited":
      return { code: "rate_limited", detail: "the wiki asks for fewer requests", retryable: true, retryAfterMs };
    default: {
      const isInternal = error.code.startsWith("internal_api_error") || error.code === "readonly";
      const code = isInternal ? "server_error" : "refused";
      const detail = `the MediaWiki API refused the request: ${error.code.slice(0, 60)}`;
      return { code, detail, retryable: isInternal, retryAfterMs };
    }
  }
}

function toPages({ query }: Reply): WikiPage[] {
  const origin = new Map((query?.redirects ?? []).map(({ from, to }) => [to, from]));
  return (query?.pages ?? [])
    .toSorted((a, b) => (a.index ?? 0) - (b.index ?? 0))
    .flatMap((page) =>
      page.pageid === undefined || page.fullurl === undefined
        ? []
        : [
            {
              id: page.pageid,
              title: page.title,
              url: page.fullurl,
              introduction: page.extract ?? "",
              isDisambiguation: page.pageprops !== undefined && "disambiguation" in page.pageprops,
              redirectedFrom: origin.get(page.title) ?? null,
            },
          ],
    );
}

function toText({ query }: Reply): WikiText | null {
  const page = query?.pages?.[0];
  const revision = page?.revisions?.[0];
  return page?.extract === undefined || page.extract.trim() === "" || revision === undefined
    ? null
    : { text: page.extract, revision: revision.revid, revisedAt: revision.timestamp ?? null };
}
