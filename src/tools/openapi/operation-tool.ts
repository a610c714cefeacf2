// One operation of an HTTP API as a tool. Reads are tried again as the web tools' are; a call that changes something is
// sent once, and again after a crash only if HTTP or the API says that this does no harm.

import type { Clock } from "../../engines/clock.ts";
import { fetchBytes, type Fetched, type FetchRequest } from "../../lib/guarded-fetch/fetch-bytes.ts";
import type { GuardedFetch } from "../../lib/guarded-fetch/guarded-fetch.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { isRecord } from "../remote/inline-schema.ts";
import { type RemoteArguments, toParameters } from "../remote/remote-schema.ts";
import { type AccessDeps, accessOf } from "../remote/server-access.ts";
import type { OpenApiServer } from "../remote/tool-server.ts";
import { maxDescriptionChars, remoteToolName } from "../remote/tool-source.ts";
import type { Repeat, Tool, ToolContext, ToolError, ToolOutput } from "../tool.ts";
import { faultOfStatus, retryRead, type WebFault } from "../web-service/retry-read.ts";
import { toRequest } from "./operation-request.ts";
import type { OpenApiDocument } from "./parse-document.ts";
import type { Operation } from "./read-operations.ts";

export interface OpenApiDeps extends AccessDeps {
  readonly fetch: GuardedFetch;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly random: () => number;
}

export interface OperationPlace {
  readonly server: OpenApiServer;
  readonly document: OpenApiDocument;
  /** `title version`, from the document. */
  readonly version: string;
}

/** The loop keeps 64 KB of a result; what is larger is cut to text there. */
const maxReplyBytes = 256 * 1024;

export function toOperationTool(deps: OpenApiDeps, place: OperationPlace, operation: Operation): Result<Tool, string> {
  const { server, document, version } = place;
  const name = remoteToolName(server.name, operation.id);
  const parameters = toParameters(argumentsSchema(operation, server.header), document);
  if (name === null) {
    return err("its name has no letter or digit");
  }
  if (!parameters.ok) {
    return parameters;
  }
  const tool: Tool<RemoteArguments> = {
    name,
    // The same title and version elsewhere is another API.
    version: `${version} at ${server.base_url}`,
    description: operation.description.slice(0, maxDescriptionChars).toWellFormed(),
    limitations: [`Sends ${operation.method.toUpperCase()} ${operation.path} to ${version}.`],
    bestPractices: [],
    parameters: parameters.value,
    timeoutMs: server.timeout_seconds * 1000,
    llmBacked: false,
    repeat: server.repeat ?? repeatOf(operation),
    run: (args, context) => callOperation(deps, place, operation, args, context),
  };
  return ok(tool);
}

/** The header that carries the secret is nobody's to fill in. */
function argumentsSchema(operation: Operation, secretHeader: string): unknown {
  const all = operation.arguments.filter(
    ({ place, name }) => place !== "header" || name.toLowerCase() !== secretHeader,
  );
  return {
    type: "object",
    properties: Object.fromEntries(
      all.map(({ key, schema, description }) => [
        key,
        isRecord(schema) && description !== ""
          ? { ...schema, description: description.slice(0, 500).toWellFormed() }
          : schema,
      ]),
    ),
    required: all.filter(({ isRequired }) => isRequired).map(({ key }) => key),
    additionalProperties: false,
  };
}

/** RFC 9110: GET and HEAD are safe, PUT and DELETE idempotent; the others need a key to be sent again. */
function repeatOf({ method, takesKey }: Operation): Repeat {
  if (method === "post" || method === "patch") {
    return takesKey ? "keyed" : "never";
  }
  return "safe";
}

async function callOperation(
  deps: OpenApiDeps,
  { server, version }: OperationPlace,
  operation: Operation,
  args: RemoteArguments,
  context: ToolContext,
): Promise<Result<ToolOutput, ToolError>> {
  const producedBy = `${version}, ${operation.method.toUpperCase()} ${operation.path}`;
  const access = accessOf(deps, server, server.base_url, context.tenant);
  if (!access.ok) {
    return err({ code: "tool_not_configured", detail: `needs ${access.error}`, producedBy });
  }
  const request = toRequest(server.base_url, operation, args);
  if (!request.ok) {
    return err({ code: "invalid_arguments", detail: request.error, producedBy });
  }
  const { headers: secret, redact } = access.value;
  const headers = { ...request.value.headers, "idempotency-key": context.idempotencyKey, ...secret };
  let said: unknown;
  const ask = () =>
    askOnce(deps, server, { ...request.value, headers }, context.signal, (fetched) => {
      said = redact(toResult(fetched));
    });
  const isRead = operation.method === "get" || operation.method === "head";
  const answered = isRead ? await retryRead(deps, context.signal, ask) : await ask();
  if (answered.ok) {
    return ok({ result: said, producedBy });
  }
  const { code, detail } = answered.error;
  // What an API says about a refused call is what the next try needs.
  return err({ code, detail, producedBy, ...(said === undefined ? {} : { result: said }) });
}

/** `onReply` is told of a reply of any status. */
async function askOnce(
  deps: OpenApiDeps,
  server: OpenApiServer,
  request: FetchRequest,
  signal: AbortSignal,
  onReply: (fetched: Fetched) => void,
): Promise<Result<null, WebFault>> {
  const timeoutMs = server.timeout_seconds * 1000;
  const fetched = await fetchBytes(deps.fetch, request, { maxBytes: maxReplyBytes, timeoutMs, signal, larger: "cut" });
  if (!fetched.ok) {
    const { code, detail } = fetched.error;
    const retryable = code === "connection_failed";
    return err({ code, detail: `${server.name}: ${detail}`, retryable, retryAfterMs: null });
  }
  onReply(fetched.value);
  const { status, headers } = fetched.value;
  const fault = faultOfStatus(new URL(server.base_url).host, status, headers, deps.clock.now());
  return fault === null ? ok(null) : err(fault);
}

function toResult({ headers, bytes, isTruncated }: Fetched): unknown {
  const type = (headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (bytes.byteLength === 0) {
    return null;
  }
  const isText = type === "" || /^text\/|[/+](json|xml)$|^application\/x-ndjson$/.test(type);
  if (!isText) {
    return { content_type: type, left_out: `${bytes.byteLength} bytes` };
  }
  const text = new TextDecoder().decode(bytes);
  return isTruncated ? `${text}\n(cut)` : jsonOr(text);
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
