// The MediaWiki API over the corpus: search with introductions, a page's links, a page's text and revision, redirects,
// and the error documents with status 200. Shapes are those of formatversion 2.

import { type Article, articles } from "./corpus.ts";

export interface WikiReply {
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

/** `origin` is where the articles live. `lagged` holds the searches that have met the lag once. */
export function answerWiki(parameters: URLSearchParams, origin: string, lagged: Set<string>): WikiReply {
  const words = parameters.get("gsrsearch") ?? "";
  if (parameters.get("format") !== "json" || parameters.get("formatversion") !== "2") {
    return { body: { error: { code: "badformat", info: "this peer speaks formatversion 2 alone" } } };
  }
  if (parameters.get("maxlag") === "5" && words.includes("lagging") && !lagged.has(words)) {
    lagged.add(words);
    const error = { code: "maxlag", info: "Waiting for db1: 7 seconds lagged", host: "db1", lag: 7, type: "db" };
    return { headers: { "retry-after": "1", "x-database-lag": "7" }, body: { error } };
  }
  if (parameters.get("generator") === "search") {
    return { body: found(search(words), origin, "indexed") };
  }
  const page = articles.find((article) => String(article.id) === parameters.get("pageids"));
  if (page === undefined) {
    return { body: { batchcomplete: true, query: { pages: [{ pageid: 1, missing: true, title: "" }] } } };
  }
  if (parameters.get("generator") === "links") {
    const linked = articles.filter((article) => page.links?.includes(article.title) === true);
    return { body: found(linked, origin, "unordered") };
  }
  return { body: { batchcomplete: true, query: { pages: [{ ...identity(page), ...text(page), ...revision(page) }] } } };
}

function search(words: string): Article[] {
  const wanted = words
    .toLowerCase()
    .split(/\s+or\s+|\s+/)
    .filter((word) => word !== "");
  const isAny = / OR /.test(words);
  return articles.filter((article) => {
    const whole =
      `${article.title} ${article.redirects?.join(" ") ?? ""} ${article.introduction} ${article.rest}`.toLowerCase();
    return isAny ? wanted.some((word) => whole.includes(word)) : wanted.every((word) => whole.includes(word));
  });
}

function found(list: readonly Article[], origin: string, order: "indexed" | "unordered") {
  if (list.length === 0) {
    return { batchcomplete: true };
  }
  // The API gives pages by their id and says their place in `index`; the corpus's last article comes first here.
  const pages = list.map((article, index) => ({
    ...identity(article),
    ...(order === "indexed" ? { index: list.length - index } : {}),
    fullurl: `${origin}/wiki/${article.title.replaceAll(" ", "_")}`,
    lastrevid: article.revision,
    extract: article.introduction,
    ...(article.links === undefined ? {} : { pageprops: { disambiguation: "" } }),
  }));
  const redirects = list.flatMap((article) =>
    (article.redirects ?? []).map((from) => ({ index: 1, from, to: article.title })),
  );
  return { batchcomplete: true, query: { ...(redirects.length === 0 ? {} : { redirects }), pages } };
}

function identity({ id, title }: Article) {
  return { pageid: id, ns: 0, title };
}

function text({ introduction, rest }: Article) {
  return { extract: `${introduction}\n\n\n${rest}` };
}

function revision({ revision: revid }: Article) {
  return { revisions: [{ revid, parentid: revid - 1, timestamp: "2026-10-01T08:00:00Z" }] };
}
