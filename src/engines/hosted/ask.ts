// One HTTP exchange with an OpenAI-compatible server: sent through the openai SDK, whose retries and logging are
// off, read piece by piece under the caller's caps. It makes a single request and turns every failure into a Fault.

import type OpenAI from "openai";
import { faultOf, isRefusal } from "../../lib/guarded-fetch/fetch-fault.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { unreachable } from "../../lib/unreachable.ts";
import type { Clock } from "../clock.ts";
import type { Endpoint } from "../endpoints.ts";
import { type Assembly, Completion, createAssembly, type Piece } from "./assembly.ts";
import { fault, type Fault, faultOfErrorBody, faultOfHttp, redact } from "./faults.ts";
import { type Caps, type Ended, readEvents, readText } from "./read-body.ts";
import { readPiece } from "./read-piece.ts";
import type { Body } from "./request-body.ts";
import { carrying, Exchange, type Fetch, isJson } from "./transport.ts";

export interface Asking {
  readonly endpoint: Endpoint;
  /** Of the endpoint's base URL. */
  readonly client: OpenAI;
  readonly fetch: Fetch;
  readonly headers: Readonly<Record<string, string>>;
  /** Aborted by the caller or by the deadline; `stoppedBy` says which. */
  readonly signal: AbortSignal;
  readonly stoppedBy: () => "caller" | "deadline" | null;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly maxReplyBytes: number;
  readonly onText: (text: string) => void;
}

/** Room for the echo of the prompt's token ids and for ids and log-probs around each token of the reply. */
const HELD_BASE_BYTES = 1024 * 1024;
const HELD_FACTOR = 32;
/** A streamed token costs up to 400 bytes of framing for four of text. */
const STREAM_FACTOR = 256;
export async function ask(body: Body, asking: Asking): Promise<Result<Assembly, Fault>> {
  const response = await send(body, asking);
  if (!response.ok) {
    return response;
  }
  const assembly = createAssembly();
  const failed = isJson(response.value.headers)
    ? await readWhole(response.value, assembly, asking)
    : await readStream(response.value, assembly, asking);
  // A reply that has said its finish reason is whole, whatever became of the connection afterwards.
  const isWhole = assembly.finishReason !== null && assembly.bytes <= asking.maxReplyBytes;
  return failed === null || (isWhole && asking.stoppedBy() !== "caller") ? ok(assembly) : err(failed);
}

async function send(body: Body, asking: Asking): Promise<Result<Response, Fault>> {
  const { endpoint, client, fetch, headers, signal } = asking;
  const exchange = new Exchange({ fetch, apiKey: endpoint.apiKey, headers, signal });
  try {
    await client.chat.completions.create(body, carrying(exchange)).asResponse();
  } catch (error) {
    return err(faultOfSending(error, asking, exchange));
  }
  return exchange.response === null
    ? err(faultOfSending(new Error("the SDK sent nothing"), asking, exchange))
    : ok(exchange.response);
}

async function readWhole(response: Response, assembly: Assembly, asking: Asking): Promise<Fault | null> {
  const { text, ended } = await readText(response.body, capsOf(asking).held, asking.signal);
  const failed = faultOfEnd(ended, asking);
  if (failed !== null) {
    return failed;
  }
  if (text.trim() === "") {
    return fault("stream_interrupted", "the connection ended before a reply", true);
  }
  return (
    addPiece(parseJson(text), assembly, asking, readCompletion) ??
    (assembly.started ? null : fault("bad_reply", "the reply holds no choice", false))
  );
}

async function readStream(response: Response, assembly: Assembly, asking: Asking): Promise<Fault | null> {
  let failed: Fault | null = null;
  let isDone = false;
  const take = (data: string, otherwise: Fault) => {
    isDone ||= data === "[DONE]";
    if (!isDone) {
      const value = parseJson(data);
      failed = value === undefined ? otherwise : addPiece(value, assembly, asking, readPiece);
    }
    return isDone ? "end" : failed === null ? "more" : "enough";
  };
  const ended = await readEvents(response.body, capsOf(asking), asking.signal, asking.clock, {
    onData: (data) => take(data, fault("bad_reply", "the stream holds an event that is not JSON", false)),
    onRest: (data) => take(data, fault("stream_interrupted", "the stream ended inside an event", true)),
  });
  failed ??= faultOfEnd(ended, asking);
  if (failed !== null || (assembly.started && (assembly.finishReason !== null || isDone))) {
    return failed;
  }
  return assembly.started || isDone || isEventStream(response)
    ? fault("stream_interrupted", "the stream ended before the reply did", true)
    : fault("bad_reply", "the body is neither JSON nor an event stream", false);
}

function readCompletion(value: unknown): Piece | null {
  return Completion.safeParse(value).data ?? null;
}

/** Null if the piece was taken. */
function addPiece(
  value: unknown,
  assembly: Assembly,
  asking: Asking,
  read: (value: unknown) => Piece | null,
): Fault | null {
  if (isErrorBody(value)) {
    return faultOfErrorBody(value, asking.clock.now(), secretsOf(asking));
  }
  const piece = read(value);
  if (piece === null) {
    return fault("bad_reply", "the body is not a chat completion", false);
  }
  const text = assembly.add(piece);
  if (assembly.bytes > asking.maxReplyBytes) {
    return tooLarge(asking);
  }
  if (text !== "") {
    asking.onText(text);
  }
  return null;
}

/** The request got no reply: refused, unreachable, or stopped by us. */
function faultOfSending(error: unknown, asking: Asking, { response, errorText: text }: Exchange): Fault {
  const stopped = faultOfStop(asking);
  if (stopped !== null) {
    return stopped;
  }
  const secrets = secretsOf(asking);
  if (response !== null) {
    const { status, headers } = response;
    return faultOfHttp({ status, headers, text, now: asking.clock.now(), secrets });
  }
  const guarded = faultOf(error);
  if (guarded !== null && isRefusal(guarded.code)) {
    // Another try would be refused the same way.
    return fault("engine_refused", `${guarded.code}: ${guarded.detail}`, false);
  }
  const host = new URL(asking.endpoint.baseUrl).host;
  return fault("connection_failed", redact(`could not reach ${host}: ${reasonOf(error)}`, secrets), true);
}

/** Null for a body that was read to its end, or as far as we wanted. */
function faultOfEnd(ended: Ended, asking: Asking): Fault | null {
  const stopped = faultOfStop(asking);
  if (stopped !== null) {
    return stopped;
  }
  switch (ended.how) {
    case "complete":
    case "left":
    case "aborted":
      return null;
    case "too_large":
      return tooLarge(asking);
    case "broken":
      return fault(
        "stream_interrupted",
        redact(`the connection broke: ${reasonOf(ended.cause)}`, secretsOf(asking)),
        true,
      );
    default:
      return unreachable(ended);
  }
}

function capsOf({ maxReplyBytes }: Asking): Caps {
  return {
    held: HELD_BASE_BYTES + HELD_FACTOR * maxReplyBytes,
    stream: HELD_BASE_BYTES + STREAM_FACTOR * maxReplyBytes,
  };
}

function faultOfStop(asking: Asking): Fault | null {
  const by = asking.stoppedBy();
  if (by === "caller") {
    return fault("aborted", "the call was aborted", false);
  }
  return by === null ? null : fault("engine_timeout", "the server did not finish its reply in time", true);
}

function tooLarge(asking: Asking): Fault {
  return fault("reply_too_large", `the reply exceeds ${asking.maxReplyBytes} bytes`, false);
}

function secretsOf(asking: Asking): string[] {
  return asking.endpoint.apiKey === null ? [] : [asking.endpoint.apiKey];
}

function isEventStream(response: Response): boolean {
  return /event-stream/iu.test(response.headers.get("content-type") ?? "");
}

/** The deepest cause speaks: `fetch failed` alone says nothing. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return "unknown reason";
  }
  if (error.cause instanceof Error) {
    return reasonOf(error.cause);
  }
  return error.message === "" && "code" in error ? String(error.code) : error.message;
}

function isErrorBody(value: unknown): boolean {
  return typeof value === "object" && value !== null && "error" in value && Boolean(value.error);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
