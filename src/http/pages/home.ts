// The page at `/`: ask a question and watch its turns, and links to everything else.

import type { Services } from "../services.ts";
import { html, type Page } from "./html.ts";
import { homeScript } from "./home-script.ts";
import { pageStyle } from "./style.ts";

const keyField = html`<label for="key">API key</label>
  <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="afk_…" required />`;

/** The engines that serve the roles, each once. */
function enginesOf({ facts }: Services): string {
  return [...new Set(Object.values(facts.engines).map(({ engine }) => engine))].join(", ");
}

export function homePage(services: Services): Page {
  return {
    title: "AgentFlow Edge",
    style: pageStyle,
    script: homeScript,
    body: html`<h1>AgentFlow Edge</h1>
      <p class="soft">
        A planner, an executor with tools, a verifier and a generator solve a query in turns. Version
        ${services.facts.version}; engine: ${enginesOf(services)}.
      </p>
      <nav>
        <a href="/docs">API reference</a> <a href="/openapi.json">openapi.json</a>
        <a href="/healthz">health</a>
        ${services.config.allowAnonymous ? html`<a href="/readyz">readiness</a> <a href="/v1/info">info</a> <a href="/v1/tools">tools</a> <a href="/v1/runs">runs</a>` : ""}
      </nav>
      <form id="form">
        <label for="query">Query</label>
        <textarea id="query" rows="3" maxlength="32768" required>What is the mean of 3, 7 and 20, times 4?</textarea>
        ${services.config.allowAnonymous ? "" : keyField}
        <button id="go">Solve</button><button id="cancel" type="button" class="quiet" hidden>Cancel</button>
      </form>
      <p><span id="state" class="soft" role="status"></span> <span id="run" class="mono soft"></span></p>
      <div id="answer" class="card answer" hidden></div>
      <div id="turns"></div>`,
  };
}
