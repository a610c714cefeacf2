// The four tools that read the outside, from a deployment's variables. What a tool lacks is its `availability`; a key
// goes to the service that it is for and to no other. Nothing is fetched here.

import type { Clock } from "../../engines/clock.ts";
import { createDeploymentGuard, type DeploymentGuardDeps } from "../../lib/guarded-fetch/deployment-guard.ts";
import type { GuardedFetch } from "../../lib/guarded-fetch/guarded-fetch.ts";
import { createGoogleSearch } from "../google-search/tool.ts";
import { createEmbedder } from "../ranking/embeddings.ts";
import { createRanker } from "../ranking/ranker.ts";
import type { Tool } from "../tool.ts";
import { createWebRead } from "../web-read/tool.ts";
import { chooseProvider } from "../web-search/providers.ts";
import { createWebSearch } from "../web-search/tool.ts";
import { createWikipediaSearch, type Wikipedia } from "../wikipedia-search/tool.ts";
import { type Blocklist, readBlocklist } from "./blocklist.ts";
import { type HealthLog, watchTool } from "./watch-tool.ts";
import { webVariables } from "./web-variables.ts";
import type { WebDeps } from "./web-deps.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export interface WebToolDeps {
  /** The deployment's guard, for addresses that a model or a service names. */
  readonly pages: GuardedFetch;
  /** The real one; the operator's services get a guard of their own before it. */
  readonly fetch: DeploymentGuardDeps["fetch"];
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly random: () => number;
  /** Told how the services answer; nobody unless set. */
  readonly health?: Pick<HealthLog, "note">;
}

export interface WebTools {
  readonly tools: readonly Tool[];
  readonly blocklist: Blocklist;
}

/** Addresses of services that the operator sets, and that may therefore be internal ones. */
const serviceVariables = [
  "WIKIPEDIA_BASE_URL",
  "SEARXNG_URL",
  "BRAVE_BASE_URL",
  "TAVILY_BASE_URL",
  "GOOGLE_SEARCH_BASE_URL",
  "GEMINI_BASE_URL",
  "EMBEDDINGS_BASE_URL",
] as const;

const nobody: Pick<HealthLog, "note"> = { note: () => Promise.resolve() };

export function createWebTools(variables: Variables, deps: WebToolDeps): WebTools {
  const { pages, fetch, clock, random, health = nobody } = deps;
  const value = (name: string): string => variables[name]?.trim() ?? "";
  const blocklist = readBlocklist(variables);
  const rules = { ...variables, FETCH_ALLOW: withServices(value) };
  const services = createDeploymentGuard(rules, { fetch, now: clock.now }).fetch;
  const asking = { services, clock, random, userAgent: userAgent(value("TOOLS_CONTACT")) };
  const embedder =
    value("EMBEDDINGS_BASE_URL") === "" || value("EMBEDDINGS_MODEL") === ""
      ? null
      : createEmbedder(
          {
            baseUrl: value("EMBEDDINGS_BASE_URL"),
            model: value("EMBEDDINGS_MODEL"),
            apiKey: value("EMBEDDINGS_API_KEY") || null,
          },
          asking,
        );
  const web: WebDeps = { ...asking, pages, ranker: createRanker(embedder), blocklist };
  const geminiKey = value("GEMINI_API_KEY");
  const gemini = {
    baseUrl: value("GEMINI_BASE_URL") || "https://generativelanguage.googleapis.com/v1beta",
    model: value("GEMINI_MODEL") || "gemini-3.5-flash",
    apiKey: geminiKey,
  };
  const tools = [
    watchTool(createWikipediaSearch(web, readWikipedia(value)), health),
    watchTool(createWebSearch(web, chooseProvider(variables)), health),
    // A page that fails says nothing about other pages.
    createWebRead(web),
    watchTool(createGoogleSearch(web, geminiKey === "" ? null : gemini), health),
  ];
  return { tools: tools.map((tool) => ({ ...tool, version: versionOf(value) })), blocklist };
}

/** Rises when the same arguments may give another result because of the code of these tools. */
const codeVersion = 1;

/** What else decides a result. Which keys are set chooses the service; the keys themselves are nobody's business. */
function versionOf(value: (name: string) => string): string {
  const deciding = webVariables.filter((name) => name !== "TOOLS_CONTACT");
  return JSON.stringify([
    codeVersion,
    ...deciding.map((name) => (name.endsWith("_API_KEY") ? value(name) !== "" : value(name))),
  ]);
}

/** FETCH_ALLOW and what the operator named as a service; `web_read` keeps to FETCH_ALLOW alone. */
function withServices(value: (name: string) => string): string {
  const named = serviceVariables.flatMap((name) => {
    const url = URL.parse(value(name));
    return url === null ? [] : [`${url.hostname}:${url.port || (url.protocol === "http:" ? "80" : "443")}`];
  });
  return [value("FETCH_ALLOW"), ...named].join(",");
}

/** Wikimedia asks for a name and a way to reach whoever runs the client. */
function userAgent(contact: string): string {
  const printable = contact.replaceAll(/[^\x20-\x7e]/g, "");
  return `AgentFlowEdge/0.1 (${printable === "" ? "a research agent" : printable})`;
}

function readWikipedia(
  value: (name: string) => string,
): Wikipedia | { readonly state: "needs"; readonly needs: string[] } {
  const language = value("WIKIPEDIA_LANGUAGE").toLowerCase() || "en";
  if (!/^[a-z]{2,}(-[a-z]+)*$/.test(language)) {
    return { state: "needs", needs: ["WIKIPEDIA_LANGUAGE as a language code such as en"] };
  }
  const base = (value("WIKIPEDIA_BASE_URL") || `https://${language}.wikipedia.org/w`).replace(/\/+$/, "");
  if (!/^https?:$/.test(URL.parse(base)?.protocol ?? "")) {
    return { state: "needs", needs: ["WIKIPEDIA_BASE_URL as an http or https address"] };
  }
  return { apiUrl: base.endsWith(".php") ? base : `${base}/api.php`, language };
}
