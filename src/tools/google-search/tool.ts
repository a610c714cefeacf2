// `google_search`, as the paper's authors have it: Gemini answers with Google's search behind it and says which pages
// support which sentence. The answer is a model's, and the result says which model; no page is read here.

import * as z from "zod";
import { ok, type Result } from "../../lib/result.ts";
import type { Tool, ToolContext, ToolError, ToolOutput } from "../tool.ts";
import { askService } from "../web-service/ask-service.ts";
import { failed, queryBlocked, roomBeside, shorten } from "../web-service/tool-result.ts";
import type { WebDeps } from "../web-service/web-deps.ts";
import { GroundedReply, readGrounded, usageOf } from "./grounding.ts";
import { resolveCitations } from "./resolve-citations.ts";

const Arguments = z.strictObject({
  query: z.string().min(1).max(2000).describe("A question about facts that the web can answer, complete in itself."),
});
export type GoogleSearchArguments = z.infer<typeof Arguments>;

export interface Gemini {
  readonly baseUrl: string;
  readonly model: string;
  readonly apiKey: string;
}

const needs = ["GEMINI_API_KEY"];
const timeoutMs = 60_000;
/** The model searches several times before it answers. */
const tryTimeoutMs = 40_000;
/** However long the citations' addresses are. */
const minAnswerChars = 1_000;
const maxCitations = 10;

/** `gemini` is null where no key is configured: the tool is then shown in the catalogue and not offered. */
export function createGoogleSearch(deps: WebDeps, gemini: Gemini | null): Tool<GoogleSearchArguments> {
  return {
    name: "google_search",
    availability: gemini === null ? { state: "needs", needs } : { state: "ready" },
    description:
      "Answers a question from current web pages: a Gemini model searches Google and returns an answer with numbered citations.",
    limitations: [
      "The answer is a model's summary of pages and may be wrong or miss a detail; the citations show where it is from.",
      "Good for general facts and news, weak for narrow technical questions, numbers in tables and video.",
    ],
    bestPractices: [
      "Ask one complete question with all names and dates it needs.",
      "Check what matters by reading a cited page with web_read.",
    ],
    parameters: Arguments,
    timeoutMs,
    llmBacked: true,
    repeat: "safe",
    run: (args, context) =>
      gemini === null
        ? Promise.resolve(failed({ code: "tool_not_configured", detail: "needs GEMINI_API_KEY" }, "google_search"))
        : search(deps, gemini, args.query, context),
  };
}

async function search(
  deps: WebDeps,
  gemini: Gemini,
  query: string,
  { signal, countTokens }: ToolContext,
): Promise<Result<ToolOutput, ToolError>> {
  const { model, apiKey } = gemini;
  if (deps.blocklist.isBlockedQuery(query)) {
    return queryBlocked(model);
  }
  const asked = await askService(deps, {
    service: "gemini",
    url: `${gemini.baseUrl.replace(/\/+$/, "")}/models/${encodeURIComponent(model)}:generateContent`,
    headers: { "x-goog-api-key": apiKey },
    body: { contents: [{ role: "user", parts: [{ text: query }] }], tools: [{ google_search: {} }] },
    schema: GroundedReply,
    signal,
    timeoutMs: tryTimeoutMs,
  });
  if (!asked.ok) {
    return failed(asked.error, model);
  }
  countTokens(usageOf(asked.value));
  const producedBy = `${asked.value.modelVersion ?? model} with Google Search`;
  const grounded = readGrounded(asked.value);
  if (grounded === null) {
    const reason = asked.value.promptFeedback?.blockReason ?? asked.value.candidates?.[0]?.finishReason ?? "no text";
    return failed({ code: "empty_reply", detail: `gemini gave no answer: ${shorten(reason, 100)}` }, producedBy);
  }
  const sources = grounded.sources.slice(0, maxCitations);
  const resolved = await resolveCitations(
    deps.pages,
    sources.map((source) => source.url),
    signal,
  );
  const citations = sources.map(({ title }, index) => toCitation(index + 1, title, resolved[index]));
  // A leaked answer is leaked whether the model read it or we do: the answer that stands on it goes too.
  if (
    citations.some(({ url }) => deps.blocklist.isBlockedUrl(url)) ||
    deps.blocklist.quotesBlockedQuery(grounded.text)
  ) {
    return failed(
      { code: "host_blocked", detail: "the answer stands on a page that this deployment does not read" },
      producedBy,
    );
  }
  const sourced = { citations, searches: grounded.searches.slice(0, 5).map((words) => shorten(words, 100)) };
  const answer = shorten(grounded.text, Math.max(minAnswerChars, roomBeside({ answer: "", ...sourced })));
  return ok({ result: { answer, ...sourced }, producedBy });
}

function toCitation(number: number, title: string, resolved: { url: string; isResolved: boolean } | undefined) {
  return {
    number,
    title: shorten(title, 100),
    url: resolved?.url ?? "",
    ...(resolved?.isResolved === true ? {} : { unresolved: true }),
  };
}
