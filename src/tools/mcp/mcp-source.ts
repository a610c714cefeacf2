// An MCP server as a source of tools. Its list is believed for as long as it says, within bounds; each of its tools is
// called by its own conversation, with the run's signal, time limit and key. What a tool says about itself decides what
// a crash may do to it, unless the operator says otherwise.

import type { GuardedFetch } from "../../lib/guarded-fetch/guarded-fetch.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { toParameters } from "../remote/remote-schema.ts";
import { type AccessDeps, accessOf, type ServerAccess } from "../remote/server-access.ts";
import type { McpServer } from "../remote/tool-server.ts";
import {
  boundSkipped,
  type LoadedTools,
  maxDescriptionChars,
  maxListChars,
  maxToolsPerSource,
  remoteToolName,
  type SkippedTool,
  type SourceFault,
  type ToolSource,
} from "../remote/tool-source.ts";
import type { Repeat, Tool } from "../tool.ts";
import type { Acquaintance } from "./converse.ts";
import { callMcpTool, type ListedTool } from "./mcp-call.ts";

export interface McpDeps extends AccessDeps {
  readonly fetch: GuardedFetch;
}

/** Long enough for a server that has to start, short enough for whoever waits for the catalogue. */
const listTimeoutMs = 8_000;
const maxListBytes = 4 * 1024 * 1024;
/** For a server that says nothing. */
const defaultTtlMs = 300_000;
/** A list that may never be kept is still kept for the requests of a moment. */
const minTtlMs = 5_000;
const maxTtlMs = 3_600_000;

/** What is known of a server when its tools are made. */
export interface MetServer {
  readonly server: McpServer;
  readonly known: Acquaintance;
  /** `name version`, as the server calls itself, without its secret. */
  readonly version: string;
}

export function createMcpSource(deps: McpDeps, server: McpServer): ToolSource {
  return {
    name: server.name,
    kind: "mcp",
    identity: JSON.stringify(server),
    isFor: (tenant) => server.tenants?.includes(tenant) ?? true,
    load: (tenant, signal) => loadTools(deps, server, tenant, signal),
  };
}

async function loadTools(
  deps: McpDeps,
  server: McpServer,
  tenant: string,
  signal: AbortSignal,
): Promise<Result<LoadedTools, SourceFault>> {
  const access = accessOf(deps, server, server.url, tenant);
  if (!access.ok) {
    return err({ state: "needs", code: "tool_not_configured", detail: access.error });
  }
  const { converse } = await import("./converse.ts");
  const { headers, redactText } = access.value;
  const peer = { url: server.url, headers, fetch: deps.fetch, redactText, known: null };
  const limits = { timeoutMs: listTimeoutMs, maxBytes: maxListBytes, signal };
  const listed = await converse(peer, limits, async (client, known, stop) => {
    const { tools, ttlMs } = await client.listTools(undefined, { signal: stop, timeout: listTimeoutMs });
    const { name, version } = client.getServerVersion() ?? { name: server.name, version: "" };
    const called = redactText(`${name} ${version}`.trim());
    return { tools, ttlMs, met: { server, known, version: called.slice(0, 100).toWellFormed() } };
  });
  if (!listed.ok) {
    return err({ state: "unavailable", ...listed.error });
  }
  const { tools, ttlMs, met } = listed.value;
  return ok({
    version: met.version,
    ...toTools(deps, met, access.value, tools),
    ttlMs: typeof ttlMs === "number" ? Math.min(Math.max(ttlMs, minTtlMs), maxTtlMs) : defaultTtlMs,
  });
}

function toTools(deps: McpDeps, met: MetServer, access: ServerAccess, listed: readonly ListedTool[]) {
  const wanted = met.server.tools;
  const tools: Tool[] = [];
  const skipped: SkippedTool[] = [];
  let charsLeft = maxListChars;
  for (const tool of listed) {
    if (wanted !== undefined && !wanted.includes(tool.name)) {
      continue;
    }
    const chars = JSON.stringify(tool).length;
    const made =
      tools.length >= maxToolsPerSource
        ? err("the server has too many tools")
        : chars > charsLeft
          ? err(`the server's tools have more than ${maxListChars} characters`)
          : toTool(deps, met, access, tool);
    if (made.ok) {
      charsLeft -= chars;
      tools.push(made.value);
    } else {
      skipped.push({ name: access.redactText(tool.name).slice(0, 128), reason: made.error });
    }
  }
  for (const name of wanted ?? []) {
    if (!listed.some((tool) => tool.name === name)) {
      skipped.push({ name, reason: "the server has no such tool" });
    }
  }
  return { tools, skipped: boundSkipped(skipped) };
}

function toTool(
  deps: McpDeps,
  met: MetServer,
  { redact, redactText }: ServerAccess,
  listed: ListedTool,
): Result<Tool, string> {
  const { server } = met;
  const shownName = redactText(listed.name);
  const name = remoteToolName(server.name, shownName);
  const schema = redact(listed.inputSchema);
  const parameters = toParameters(schema, schema);
  if (name === null) {
    return err("its name has no letter or digit");
  }
  if (!parameters.ok) {
    return parameters;
  }
  const description = listed.description ?? listed.title ?? listed.annotations?.title ?? listed.name;
  const producedBy = `${met.version}, tool ${shownName}`;
  return ok({
    name,
    // The same name and version elsewhere is another server.
    version: `${met.version} at ${server.url}`,
    description: redactText(description).slice(0, maxDescriptionChars).toWellFormed(),
    limitations: [`Runs on the MCP server ${server.name}.`],
    bestPractices: [],
    parameters: parameters.value,
    timeoutMs: server.timeout_seconds * 1000,
    llmBacked: false,
    repeat: server.repeat ?? repeatOf(listed),
    run: (args, context) => callMcpTool(deps, met, { listed, producedBy }, args, context),
  });
}

/** Hints of a server that the operator has chosen to trust; without one a second call may do harm. */
function repeatOf({ annotations }: ListedTool): Repeat {
  return annotations?.readOnlyHint === true || annotations?.idempotentHint === true ? "safe" : "never";
}
