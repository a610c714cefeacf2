// An HTTP API with an OpenAPI document as a source of tools, one for each operation. The document is fetched through
// the guard, without the API's secret, and believed for ten minutes.

import { fetchBytes } from "../../lib/guarded-fetch/fetch-bytes.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { accessOf } from "../remote/server-access.ts";
import type { OpenApiServer } from "../remote/tool-server.ts";
import { type LoadedTools, maxToolsPerSource, type SourceFault, type ToolSource } from "../remote/tool-source.ts";
import type { Tool } from "../tool.ts";
import { faultOfStatus } from "../web-service/retry-read.ts";
import { type OpenApiDeps, toOperationTool } from "./operation-tool.ts";
import type { OpenApiDocument } from "./parse-document.ts";
import { readOperations } from "./read-operations.ts";

const documentTimeoutMs = 8_000;
/** Larger ones take seconds to parse; a company's gateway can serve a smaller one. */
const maxDocumentBytes = 2 * 1024 * 1024;
const ttlMs = 600_000;

export function createOpenApiSource(deps: OpenApiDeps, server: OpenApiServer): ToolSource {
  return {
    name: server.name,
    kind: "openapi",
    identity: JSON.stringify(server),
    isFor: (tenant) => server.tenants?.includes(tenant) ?? true,
    load: (tenant, signal) => loadTools(deps, server, tenant, signal),
  };
}

async function loadTools(
  deps: OpenApiDeps,
  server: OpenApiServer,
  tenant: string,
  signal: AbortSignal,
): Promise<Result<LoadedTools, SourceFault>> {
  const access = accessOf(deps, server, server.base_url, tenant);
  if (!access.ok) {
    return err({ state: "needs", code: "tool_not_configured", detail: access.error });
  }
  const document = await fetchDocument(deps, server, signal);
  if (!document.ok) {
    return err({ state: "unavailable", ...document.error });
  }
  const { title, version } = document.value.info;
  const place = {
    server,
    document: document.value,
    version: `${title} ${version}`.trim().slice(0, 100).toWellFormed(),
  };
  return ok({ version: place.version, ...toTools(deps, place), ttlMs });
}

function toTools(deps: OpenApiDeps, place: Parameters<typeof toOperationTool>[1]) {
  const wanted = place.server.tools;
  const { operations, skipped } = readOperations(place.document);
  const tools: Tool[] = [];
  for (const operation of operations.filter(({ id }) => wanted?.includes(id) ?? true)) {
    const made =
      tools.length < maxToolsPerSource
        ? toOperationTool(deps, place, operation)
        : err("the document has too many operations");
    if (made.ok) {
      tools.push(made.value);
    } else {
      skipped.push({ name: operation.id.slice(0, 128), reason: made.error });
    }
  }
  const isKnown = (id: string) => [...operations.map((one) => one.id), ...skipped.map((one) => one.name)].includes(id);
  const missing = (wanted ?? []).filter((id) => !isKnown(id));
  return {
    tools,
    skipped: [
      ...skipped.filter(({ name }) => wanted?.includes(name) ?? true),
      ...missing.map((name) => ({ name, reason: "the document has no such operation" })),
    ],
  };
}

async function fetchDocument(
  deps: OpenApiDeps,
  server: OpenApiServer,
  signal: AbortSignal,
): Promise<Result<OpenApiDocument, { code: string; detail: string }>> {
  const request = { url: server.document, headers: { accept: "application/json, application/yaml, text/yaml" } };
  const limits = { maxBytes: maxDocumentBytes, timeoutMs: documentTimeoutMs, signal };
  const fetched = await fetchBytes(deps.fetch, request, limits);
  if (!fetched.ok) {
    return err({ code: fetched.error.code, detail: fetched.error.detail });
  }
  const { status, headers, bytes } = fetched.value;
  const fault = faultOfStatus(new URL(server.document).host, status, headers, deps.clock.now());
  if (fault !== null) {
    return err({ code: fault.code, detail: fault.detail });
  }
  const { parseDocument } = await import("./parse-document.ts");
  const parsed = parseDocument(new TextDecoder().decode(bytes));
  return parsed.ok ? parsed : err({ code: "bad_reply", detail: parsed.error });
}
