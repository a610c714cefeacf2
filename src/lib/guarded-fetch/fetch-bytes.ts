// One guarded request and its whole reply, under caps of bytes, time and redirects. The bytes that count are those
// after decompression, so that a small archive cannot become a large one in memory.

import { openDeadline } from "../deadline.ts";
import { err, ok, type Result } from "../result.ts";
import type { FetchFault } from "./fetch-fault.ts";
import { type GuardedFetch, type GuardedInit, tryFetch } from "./guarded-fetch.ts";
import { readCapped } from "./read-capped.ts";

export interface FetchRequest {
  readonly url: string;
  /** GET unless set. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

export interface FetchLimits {
  /** Of the decompressed body. */
  readonly maxBytes: number;
  /** For everything: redirects, headers and body. */
  readonly timeoutMs: number;
  /** 5 unless set. */
  readonly maxRedirects?: number;
  readonly signal: AbortSignal;
  /** What a larger body is: `cut` keeps its beginning, `refuse` (the default) is `too_large`. */
  readonly larger?: "cut" | "refuse";
}

export interface Fetched {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isTruncated: boolean;
  /** Where the last redirect led. */
  readonly finalUrl: string;
  readonly redirects: number;
}

/** A reply of any status is a value; only what brought no whole reply is a fault. */
export async function fetchBytes(
  guarded: GuardedFetch,
  request: FetchRequest,
  limits: FetchLimits,
): Promise<Result<Fetched, FetchFault>> {
  const deadline = openDeadline(limits.timeoutMs, limits.signal);
  try {
    return await fetchWhole(guarded, request, { ...limits, signal: deadline.signal });
  } finally {
    deadline.close();
  }
}

async function fetchWhole(
  guarded: GuardedFetch,
  { url, ...rest }: FetchRequest,
  { maxBytes, maxRedirects, larger = "refuse", signal }: Omit<FetchLimits, "timeoutMs">,
): Promise<Result<Fetched, FetchFault>> {
  const trail: string[] = [];
  const init: GuardedInit = { ...rest, signal, onRedirect: (next) => trail.push(next) };
  const response = await tryFetch(guarded, url, maxRedirects === undefined ? init : { ...init, maxRedirects });
  if (!response.ok) {
    return response;
  }
  const { status, headers } = response.value;
  const body = await readCapped(response.value, { maxBytes, signal, larger });
  return body.ok
    ? ok({ status, headers, ...body.value, finalUrl: trail.at(-1) ?? url, redirects: trail.length })
    : err(body.error);
}
