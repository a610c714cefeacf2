// The fetch through which the SDK's clients send: it sets the only headers that leave the process, follows no redirect,
// and keeps of a reply what is ours to read. A client is shared by all calls to its server, so whatever belongs to one
// call travels with that call, in its Exchange. The SDK sees neither the real key nor the reply, only that one came.

import OpenAI from "openai";
import { APIPromise } from "openai/core/api-promise";
import { readText } from "./read-body.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ExchangeOptions {
  readonly fetch: Fetch;
  readonly apiKey: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** One request on its way through the SDK, and what came back. A class, so that our fetch can tell it for sure. */
export class Exchange {
  readonly options: ExchangeOptions;
  /** Null until the server has answered. */
  response: Response | null = null;
  /** Body of a refusal, at most 64 KB of it. */
  errorText = "";

  constructor(options: ExchangeOptions) {
    this.options = options;
  }
}

const MAX_ERROR_BYTES = 64 * 1024;

type Options = Parameters<OpenAI["request"]>[0];

/**
 * The SDK's client with a way of sending of our own: the SDK's makes headers that never leave the process, sets a
 * deadline beside ours, and writes what happens for a log that is off. That took a twentieth of a run's processor time.
 */
class Client extends OpenAI {
  readonly #controller = new AbortController();

  override request<Reply>(options: Options): APIPromise<Reply> {
    return new APIPromise<Reply>(this, this.#send(options));
  }

  async #send(given: Options): ConstructorParameters<typeof APIPromise>[1] {
    const options = await given;
    const response = await sendExchange(`${this.baseURL}${options.path}`, options);
    const unused = { controller: this.#controller, requestLogID: "", retryOfRequestLogID: undefined, startTime: 0 };
    return { response, options, ...unused };
  }
}

/** `baseURL` without query and trailing slash, as `normaliseBaseUrl` gives it. */
export function createClient(baseURL: string): OpenAI {
  return new Client({
    baseURL,
    // The real key is set by our fetch. Whatever the SDK finds in the process's environment is for other hosts.
    apiKey: "set-by-transport",
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    logLevel: "off",
    dangerouslyAllowBrowser: true,
  });
}

/** What a call gives the SDK besides its body: it hands `fetchOptions` on to our fetch as they are. */
export function carrying(exchange: Exchange) {
  return { fetchOptions: { redirect: "manual" as const, exchange } };
}

/** The SDK learns that a reply came, or must throw; the reply itself is in the exchange. */
async function sendExchange(url: string, { body, fetchOptions }: Awaited<Options>): Promise<Response> {
  const exchange = exchangeOf(fetchOptions);
  const { fetch, apiKey, headers, signal } = exchange.options;
  if (signal.aborted) {
    throw new Error("aborted");
  }
  const sent = fetch(url, {
    method: "POST",
    headers: {
      accept: "text/event-stream, application/json",
      "content-type": "application/json",
      ...headers,
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
    },
    body: JSON.stringify(body),
    // A redirect would carry the prompt, and perhaps the key, to a host that nobody configured.
    redirect: "manual",
    signal,
  });
  const response = await orAbort(sent, signal);
  exchange.response = response;
  if (response.ok) {
    return new Response(null);
  }
  exchange.errorText = (await readText(response.body, MAX_ERROR_BYTES, signal)).text;
  throw new Error(`the server answered ${response.status}`);
}

function exchangeOf(init: object | undefined): Exchange {
  if (init !== undefined && "exchange" in init && init.exchange instanceof Exchange) {
    return init.exchange;
  }
  throw new Error("the SDK sent a request that no call asked for");
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
