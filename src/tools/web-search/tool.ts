// `web_search`: one query to the configured search service, the hits as title, address and snippet. It reads no page
// (that is `web_read`), asks no model, and shows nothing of hosts that the deployment has blocked.

import * as z from "zod";
import { ok, type Result } from "../../lib/result.ts";
import { stripMarkup } from "../reading/strip-markup.ts";
import type { Tool, ToolContext, ToolError, ToolOutput } from "../tool.ts";
import { askService } from "../web-service/ask-service.ts";
import { failed, queryBlocked, roomBeside, shorten } from "../web-service/tool-result.ts";
import type { WebDeps } from "../web-service/web-deps.ts";
import type { SearchHit, SearchProvider } from "./providers.ts";

const Arguments = z.strictObject({
  // The shortest of the services' own limits.
  query: z.string().min(1).max(400).describe("What to search for: names and key words, as for a search engine."),
});
export type WebSearchArguments = z.infer<typeof Arguments>;

/** What a deployment can set, in the order in which it counts. */
const needs = ["SEARXNG_URL or BRAVE_API_KEY or TAVILY_API_KEY or GOOGLE_SEARCH_API_KEY with GOOGLE_SEARCH_ENGINE_ID"];

const timeoutMs = 30_000;
const tryTimeoutMs = 10_000;
/** Eight hits with snippets of this length are about what a turn's memory shows whole. */
const maxHits = 8;
const maxSnippetChars = 280;
const maxTitleChars = 100;
/** The query stands in the result too. */
const queryRoom = 500;

/** `provider` is null where none is configured: the tool is then shown in the catalogue and not offered. */
export function createWebSearch(deps: WebDeps, provider: SearchProvider | null): Tool<WebSearchArguments> {
  return {
    name: "web_search",
    availability: provider === null ? { state: "needs", needs } : { state: "ready" },
    description: "Searches the web and returns the best hits with title, address and a snippet.",
    limitations: [
      "Returns snippets, not pages: a snippet is often cut in the middle and may be out of date.",
      "Knows nothing of pages behind a login; hits are not checked for truth.",
    ],
    bestPractices: [
      "Search for one fact at a time with the names and key words that its page must contain.",
      "Read a promising hit with web_read before relying on it.",
      "If the hits miss the point, search again in other words instead of repeating the query.",
    ],
    parameters: Arguments,
    timeoutMs,
    llmBacked: false,
    repeat: "safe",
    run: (args, context) =>
      provider === null
        ? Promise.resolve(failed({ code: "tool_not_configured", detail: `needs ${needs.join(", ")}` }, "web_search"))
        : search(deps, provider, args.query, context),
  };
}

async function search(
  deps: WebDeps,
  provider: SearchProvider,
  query: string,
  { signal }: ToolContext,
): Promise<Result<ToolOutput, ToolError>> {
  if (deps.blocklist.isBlockedQuery(query)) {
    return queryBlocked(provider.name);
  }
  const asked = await askService(deps, {
    service: provider.name,
    ...provider.toRequest(query),
    schema: provider.reply,
    signal,
    timeoutMs: tryTimeoutMs,
  });
  if (!asked.ok) {
    return failed(asked.error, provider.name);
  }
  const allowed = asked.value.map(toPlain).filter((hit) => !isBlocked(deps, hit));
  const blocked = asked.value.length - allowed.length;
  const results = allowed
    .slice(0, maxHits)
    .filter((_, index, hits) => roomBeside(hits.slice(0, index + 1)) > queryRoom);
  return ok({ result: { query, results, ...(blocked === 0 ? {} : { blocked }) }, producedBy: provider.name });
}

function isBlocked(
  { blocklist }: WebDeps,
  { url, title, snippet }: Pick<SearchHit, "url" | "title" | "snippet">,
): boolean {
  return blocklist.isBlockedUrl(url) || blocklist.quotesBlockedQuery(`${title} ${snippet}`);
}

function toPlain({ title, url, snippet, published }: SearchHit) {
  return {
    title: shorten(stripMarkup(title), maxTitleChars),
    url,
    snippet: shorten(stripMarkup(snippet).replaceAll("\n", " "), maxSnippetChars),
    ...(published === null ? {} : { published }),
  };
}
