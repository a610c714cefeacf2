// The variables of the web tools (docs/tools.md), one list for what `npm start` passes on and what tests leave out.

export const webVariables: readonly string[] = [
  "WIKIPEDIA_BASE_URL",
  "WIKIPEDIA_LANGUAGE",
  "SEARXNG_URL",
  "BRAVE_BASE_URL",
  "BRAVE_API_KEY",
  "TAVILY_BASE_URL",
  "TAVILY_API_KEY",
  "GOOGLE_SEARCH_BASE_URL",
  "GOOGLE_SEARCH_API_KEY",
  "GOOGLE_SEARCH_ENGINE_ID",
  "GEMINI_BASE_URL",
  "GEMINI_API_KEY",
  "GEMINI_MODEL",
  "EMBEDDINGS_BASE_URL",
  "EMBEDDINGS_MODEL",
  "EMBEDDINGS_API_KEY",
  "BLOCKED_HOSTS",
  "BLOCKED_QUERIES",
  "TOOLS_CONTACT",
];
