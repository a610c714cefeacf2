// The fetch that the SDK is given for one exchange: it sets the only headers that leave the process, follows no
// redirect, and keeps what the SDK would lose of a refusal. The SDK never sees the real key.

import { readText } from "./read-body.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What is known of an exchange besides its response. */
export interface Wire {
  status: number | null;
  headers: Headers | null;
  /** Body of a refusal, at most 64 KB of it. */
  errorText: string;
}

export interface WireOptions {
  readonly fetch: Fetch;
  readonly apiKey: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

const MAX_ERROR_BYTES = 64 * 1024;

export function newWire(): Wire {
  return { status: null, headers: null, errorText: "" };
}

export function createWireFetch(wire: Wire, options: WireOptions) {
  return async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input);
    const headers = new Headers({
      accept: "text/event-stream, application/json",
      "content-type": "application/json",
      ...options.headers,
    });
    if (options.apiKey !== null) {
      headers.set("authorization", `Bearer ${options.apiKey}`);
    }
    const body = typeof init?.body === "string" ? init.body : null;
    // A redirect would carry the prompt, and perhaps the key, to a host that nobody configured.
    const sent = options.fetch(url, { method: "POST", headers, body, redirect: "manual", signal: options.signal });
    const response = await orAbort(sent, options.signal);
    wire.status = response.status;
    wire.headers = response.headers;
    if (response.ok) {
      return response;
    }
    wire.errorText = (await readText(response.body, MAX_ERROR_BYTES, options.signal)).text;
    // The SDK must throw now, whatever the status; ours is kept in `wire`.
    return new Response(null, { status: 502 });
  };
}

/** For a fetch that does not listen to its signal; a response that comes too late is let go. */
async function orAbort(sent: Promise<Response>, signal: AbortSignal): Promise<Response> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => {
    reject(new Error("aborted"));
    sent.then((late) => late.body?.cancel()).catch(() => undefined);
  };
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) {
    onAbort();
  }
  try {
    return await Promise.race([sent, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

export function isJson(headers: Headers): boolean {
  return /[/+]json\b/iu.test(headers.get("content-type") ?? "");
}
