// The four services behind `web_search`, each as the request it takes and the hits in its reply. The first one that is
// configured is used; a failure of one is never another one's turn, because runs must be comparable.

import * as z from "zod";

type Variables = Readonly<Record<string, string | undefined>>;

export interface SearchHit {
  readonly title: string;
  readonly url: string;
  /** May hold markup. */
  readonly snippet: string;
  readonly published: string | null;
}

export interface SearchRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface SearchProvider {
  readonly name: string;
  toRequest(query: string): SearchRequest;
  /** The reply's schema, read into hits. */
  readonly reply: z.ZodType<readonly SearchHit[]>;
}

/** Asked for; the tool shows fewer. */
const wanted = 10;

const text = z.string().nullish();

interface HitFields {
  readonly title?: string | null | undefined;
  readonly url?: string | null | undefined;
  readonly snippet?: string | null | undefined;
  readonly published?: string | null | undefined;
}

/** A hit without an address is no source. */
function toHits(hits: readonly HitFields[]): SearchHit[] {
  return hits.flatMap(({ title, url, snippet, published }) =>
    typeof url === "string" && /^https?:\/\//i.test(url)
      ? [{ title: title ?? url, url, snippet: snippet ?? "", published: published ?? null }]
      : [],
  );
}

const searxngReply = z
  .looseObject({ results: z.array(z.looseObject({ title: text, url: text, content: text, publishedDate: text })) })
  .transform(({ results }) =>
    toHits(results.map((one) => ({ ...one, snippet: one.content, published: one.publishedDate }))),
  );

const braveReply = z
  .looseObject({
    type: z.literal("search"),
    web: z
      .looseObject({ results: z.array(z.looseObject({ title: text, url: text, description: text, page_age: text })) })
      .nullish(),
  })
  .transform(({ web }) =>
    toHits((web?.results ?? []).map((one) => ({ ...one, snippet: one.description, published: one.page_age }))),
  );

const tavilyReply = z
  .looseObject({ results: z.array(z.looseObject({ title: text, url: text, content: text, published_date: text })) })
  .transform(({ results }) =>
    toHits(results.map((one) => ({ ...one, snippet: one.content, published: one.published_date }))),
  );

const googleReply = z
  .looseObject({
    kind: z.literal("customsearch#search"),
    items: z.array(z.looseObject({ title: text, link: text, snippet: text })).nullish(),
  })
  .transform(({ items }) => toHits((items ?? []).map((one) => ({ ...one, url: one.link }))));

/** Null where none is configured. */
export function chooseProvider(variables: Variables): SearchProvider | null {
  const value = (name: string) => variables[name]?.trim() ?? "";
  const base = (name: string, usual: string) => (value(name) || usual).replace(/\/+$/, "");
  const key = (name: string) => value(`${name}_API_KEY`);
  if (value("SEARXNG_URL") !== "") {
    return searxng(base("SEARXNG_URL", ""));
  }
  if (key("BRAVE") !== "") {
    return brave(base("BRAVE_BASE_URL", "https://api.search.brave.com/res/v1"), key("BRAVE"));
  }
  if (key("TAVILY") !== "") {
    return tavily(base("TAVILY_BASE_URL", "https://api.tavily.com"), key("TAVILY"));
  }
  const engine = value("GOOGLE_SEARCH_ENGINE_ID");
  return key("GOOGLE_SEARCH") !== "" && engine !== ""
    ? google(base("GOOGLE_SEARCH_BASE_URL", "https://www.googleapis.com/customsearch/v1"), key("GOOGLE_SEARCH"), engine)
    : null;
}

function address(base: string, parameters: Readonly<Record<string, string>>): string {
  return `${base}?${new URLSearchParams(parameters).toString()}`;
}

function searxng(base: string): SearchProvider {
  return {
    name: "searxng",
    toRequest: (query) => ({ url: address(`${base}/search`, { q: query, format: "json" }) }),
    reply: searxngReply,
  };
}

function brave(base: string, key: string): SearchProvider {
  return {
    name: "brave",
    toRequest: (query) => ({
      url: address(`${base}/web/search`, {
        q: query,
        count: String(wanted),
        result_filter: "web",
        text_decorations: "false",
      }),
      headers: { "x-subscription-token": key },
    }),
    reply: braveReply,
  };
}

function tavily(base: string, key: string): SearchProvider {
  return {
    name: "tavily",
    toRequest: (query) => ({
      url: `${base}/search`,
      headers: { authorization: `Bearer ${key}` },
      body: { query, max_results: wanted, search_depth: "basic", include_answer: false },
    }),
    reply: tavilyReply,
  };
}

function google(base: string, key: string, engine: string): SearchProvider {
  return {
    name: "google programmable search",
    // In a header: what stands in an address ends up in logs.
    toRequest: (query) => ({
      url: address(base, { cx: engine, q: query, num: String(wanted) }),
      headers: { "x-goog-api-key": key },
    }),
    reply: googleReply,
  };
}
