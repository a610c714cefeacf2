// The other services over the corpus, as their documentation shows them: four search engines, Gemini with grounding,
// embeddings. Each checks the key where the service would.

import type { IncomingHttpHeaders } from "node:http";

export const peerKey = "secret-key-of-the-test";

export interface ServiceCall {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly origin: string;
}

export interface ServiceReply {
  readonly status?: number;
  readonly body: unknown;
}

const denied: ServiceReply = { status: 401, body: { error: { code: 401, message: "API key not valid" } } };

interface Hit {
  readonly title: string;
  readonly url: string;
  readonly text: string;
}

function hitsFor(origin: string): Hit[] {
  return [
    {
      title: "Kestrel Bridge &ndash; county records",
      url: `${origin}/pages/bridge`,
      text: "The <strong>Kestrel Bridge</strong> near Orsova: history and opening",
    },
    { title: "Leaked answers", url: "https://leaks.example.org/answers", text: "All test questions with answers" },
    { title: "Bridges of the county", url: `${origin}/pages/plain`, text: "A list of bridges" },
  ];
}

/** Null where the path is no service's. */
export function answerService(call: ServiceCall): ServiceReply | null {
  const [service = ""] = call.path.split("/").slice(1);
  switch (service) {
    case "searxng":
      return searxng(call);
    case "brave":
      return call.headers["x-subscription-token"] === peerKey ? brave(call) : denied;
    case "tavily":
      return call.headers.authorization === `Bearer ${peerKey}` ? tavily(call) : denied;
    case "google":
      return call.headers["x-goog-api-key"] === peerKey && call.query.get("cx") === "engine-1" ? google(call) : denied;
    case "gemini":
      return call.headers["x-goog-api-key"] === peerKey ? gemini(call) : denied;
    case "embeddings":
      return embeddings(call);
    default:
      return null;
  }
}

function searxng({ query, origin }: ServiceCall): ServiceReply {
  if (query.get("format") !== "json") {
    return { status: 403, body: {} };
  }
  const results = hitsFor(origin).map(({ title, url, text }) => ({
    url,
    title,
    content: text,
    publishedDate: null,
    engine: "mojeek",
    parsed_url: ["https", "example.org", "/", "", "", ""],
    engines: ["mojeek"],
    positions: [1],
    score: 1,
    category: "general",
  }));
  const more = {
    answers: [],
    corrections: [],
    infoboxes: [],
    suggestions: [],
    unresponsive_engines: [["bing", "timeout"]],
  };
  return { body: { query: query.get("q"), number_of_results: 0, results, ...more } };
}

function brave({ query, origin }: ServiceCall): ServiceReply {
  const results = hitsFor(origin).map(({ title, url, text }) => ({
    title,
    url,
    description: text,
    page_age: "2026-05-01T00:00:00",
    family_friendly: true,
    type: "search_result",
    language: "en",
  }));
  return { body: { type: "search", query: { original: query.get("q") }, web: { type: "search", results } } };
}

function tavily({ body, origin }: ServiceCall): ServiceReply {
  const results = hitsFor(origin).map(({ title, url, text }) => ({
    title,
    url,
    content: text,
    score: 0.9,
    raw_content: null,
  }));
  return {
    body: { query: JSON.parse(body).query, answer: null, images: [], results, response_time: 0.4, request_id: "r" },
  };
}

function google({ origin }: ServiceCall): ServiceReply {
  const items = hitsFor(origin).map(({ title, url, text }) => ({
    kind: "customsearch#result",
    title,
    link: url,
    snippet: text,
  }));
  return { body: { kind: "customsearch#search", searchInformation: { totalResults: "3" }, items } };
}

function gemini({ origin }: ServiceCall): ServiceReply {
  const text = "Die Brücke wurde am 14. Mai 1931 eröffnet. Ilse Varga entwarf sie.";
  const bytesTo = (part: string) => Buffer.byteLength(text.slice(0, text.indexOf(part) + part.length));
  const chunk = (n: number, title: string) => ({ web: { uri: `${origin}/grounding/${n}`, title } });
  const support = (part: string, ...indices: number[]) => ({
    segment: { startIndex: 0, endIndex: bytesTo(part), text: part },
    groundingChunkIndices: indices,
  });
  return {
    body: {
      candidates: [
        {
          content: { role: "model", parts: [{ text }] },
          finishReason: "STOP",
          groundingMetadata: {
            webSearchQueries: ["kestrel bridge opening"],
            searchEntryPoint: { renderedContent: "<div></div>" },
            groundingChunks: Array.from({ length: 8 }, (_, n) => chunk(n, `source-${n}.example`)),
            groundingSupports: [support("eröffnet.", 0, 2), support("sie.", 1)],
          },
        },
      ],
      usageMetadata: {
        promptTokenCount: 9,
        candidatesTokenCount: 20,
        totalTokenCount: 148,
        toolUsePromptTokenCount: 107,
        thoughtsTokenCount: 12,
        promptTokensDetails: [{ modality: "TEXT", tokenCount: 9 }],
      },
      modelVersion: "gemini-peer-1",
    },
  };
}

/** Vectors that count letters: alike texts are near each other, and the same text gives the same vector. */
function embeddings({ body }: ServiceCall): ServiceReply {
  const { input, model } = JSON.parse(body);
  const data = [...input].map((text: string, index: number) => ({
    object: "embedding",
    index,
    embedding: Array.from(
      { length: 26 },
      (_, letter) => text.toLowerCase().split(String.fromCharCode(97 + letter)).length - 1,
    ),
  }));
  // The service may send them in any order.
  return { body: { object: "list", model, data: data.toReversed(), usage: { prompt_tokens: 1, total_tokens: 1 } } };
}
