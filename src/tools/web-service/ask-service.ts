// One question to a JSON service: the request under caps of time and bytes, the reply checked by a schema, failures
// as values. A key goes into a header of this one request; it never stands in an address, a result or a message.

import type * as z from "zod";
import { fetchBytes, type Fetched } from "../../lib/guarded-fetch/fetch-bytes.ts";
import type { FetchFault } from "../../lib/guarded-fetch/fetch-fault.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { faultOfStatus, retryRead, type WebFault } from "./retry-read.ts";
import type { WebDeps } from "./web-deps.ts";

export interface ServiceRequest<T> {
  /** As it stands in faults and in `produced_by`. */
  readonly service: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON with POST; a GET where there is none. */
  readonly body?: unknown;
  readonly schema: z.ZodType<T>;
  /** A 200 that is a failure nevertheless, as MediaWiki answers. */
  readonly check?: (value: T, headers: Headers) => WebFault | null;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

/** Ten results or a whole encyclopedia article are a fraction of this. */
const maxReplyBytes = 4 * 1024 * 1024;

export type AskDeps = Pick<WebDeps, "services" | "clock" | "random" | "userAgent">;

export function askService<T>(deps: AskDeps, request: ServiceRequest<T>): Promise<Result<T, WebFault>> {
  return retryRead(deps, request.signal, async () => {
    const fetched = await fetchOnce(deps, request);
    return fetched.ok ? readReply(deps, request, fetched.value) : err(toWebFault(request.service, fetched.error));
  });
}

function fetchOnce<T>(deps: AskDeps, request: ServiceRequest<T>): Promise<Result<Fetched, FetchFault>> {
  const headers = { accept: "application/json", "user-agent": deps.userAgent, ...request.headers };
  const { url, signal, timeoutMs } = request;
  return fetchBytes(
    deps.services,
    request.body === undefined
      ? { url, headers }
      : {
          url,
          method: "POST",
          headers: { ...headers, "content-type": "application/json" },
          body: JSON.stringify(request.body),
        },
    { maxBytes: maxReplyBytes, timeoutMs, signal },
  );
}

/** Only a connection that broke is worth another try: a slow service would be slow again. */
export function toWebFault(service: string, { code, detail }: FetchFault): WebFault {
  return { code, detail: `${service}: ${detail}`, retryable: code === "connection_failed", retryAfterMs: null };
}

function readReply<T>(
  deps: AskDeps,
  { service, schema, check }: ServiceRequest<T>,
  { status, headers, bytes }: Fetched,
): Result<T, WebFault> {
  const failed = faultOfStatus(service, status, headers, deps.clock.now());
  if (failed !== null) {
    return err(failed);
  }
  const read = schema.safeParse(toJson(bytes));
  if (!read.success) {
    const detail = `${service} did not answer in the shape of its documentation`;
    return err({ code: "bad_reply", detail, retryable: false, retryAfterMs: null });
  }
  const refused = check?.(read.data, headers) ?? null;
  return refused === null ? ok(read.data) : err(refused);
}

/** Undefined, which no schema takes, where it is no JSON. */
function toJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
