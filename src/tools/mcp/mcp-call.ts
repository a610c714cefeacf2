// One call of an MCP server's tool. The secret is looked up now, the conversation ends with the run's signal or the
// tool's time, and what the server says comes back without the secret.

import type { Client } from "@modelcontextprotocol/client";
import { err, ok, type Result } from "../../lib/result.ts";
import { isRecord } from "../remote/inline-schema.ts";
import { accessOf } from "../remote/server-access.ts";
import type { ToolContext, ToolError, ToolOutput } from "../tool.ts";
import type { McpDeps, MetServer } from "./mcp-source.ts";
import { textOf, toResult } from "./mcp-result.ts";

export interface CalledTool {
  /** As the server wrote it. */
  readonly listed: ListedTool;
  readonly producedBy: string;
}

export type ListedTool = Awaited<ReturnType<Client["listTools"]>>["tools"][number];

/** The loop keeps 64 KB; a picture or two may come along. */
const maxReplyBytes = 4 * 1024 * 1024;

export async function callMcpTool(
  deps: McpDeps,
  { server, known }: MetServer,
  { listed, producedBy }: CalledTool,
  args: unknown,
  context: ToolContext,
): Promise<Result<ToolOutput, ToolError>> {
  const access = accessOf(deps, server, server.url, context.tenant);
  if (!access.ok) {
    return err({ code: "tool_not_configured", detail: `needs ${access.error}`, producedBy });
  }
  const { headers, redact, redactText } = access.value;
  const { converse } = await import("./converse.ts");
  const timeoutMs = server.timeout_seconds * 1000;
  const called = await converse(
    {
      url: server.url,
      headers: { ...headers, "idempotency-key": context.idempotencyKey },
      fetch: deps.fetch,
      redactText,
      known,
    },
    { timeoutMs, maxBytes: maxReplyBytes, signal: context.signal },
    (client, _met, stop) =>
      client.callTool(
        { name: listed.name, arguments: isRecord(args) ? { ...args } : {} },
        { signal: stop, timeout: timeoutMs, toolDefinition: listed },
      ),
  );
  if (!called.ok) {
    const { code, detail } = called.error;
    return err({ code, detail: `${server.name}: ${detail}`, producedBy });
  }
  const result = redact(toResult(called.value));
  return called.value.isError === true
    ? err({ code: "tool_error", detail: redactText(textOf(called.value)) || "the tool failed", producedBy, result })
    : ok({ result, producedBy });
}
