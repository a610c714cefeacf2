// Reads a request's JSON body with a bound on its bytes and on its depth, and only as text. It does
// not trust the absence of Content-Type, and never lets a parser's own error text out. What it leaves unread, drain.ts discards.

import { refuseHalfPairs } from "./half-pairs.ts";
import { HttpError } from "./problem.ts";

/** 1 MiB: a query is 32 KB, the rest is reference answers and metadata. */
export const maxBodyBytes = 1_048_576;
/** Deeper values overflow the stacks of recursive readers further on. */
export const maxDepth = 64;

export function tooLarge(maxBytes: number): HttpError {
  return new HttpError("body_too_large", `The body may have ${maxBytes} bytes at most.`);
}

export function mediaTypeOf(request: Request): string {
  return request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
}

/** Throws 415 for a compressed body, and 413 for one that says itself that it is too large. */
export function checkPlainBody(request: Request, maxBytes: number): void {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity") {
    throw new HttpError("unsupported_content_encoding", "Send the body as it is, without Content-Encoding.");
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) {
    throw tooLarge(maxBytes);
  }
}

function checkHeaders(request: Request, maxBytes: number): void {
  if (mediaTypeOf(request) !== "application/json") {
    throw new HttpError("unsupported_media_type", "Send JSON with `Content-Type: application/json`.");
  }
  checkPlainBody(request, maxBytes);
}

async function readChunks(body: ReadableStream<Uint8Array>, maxBytes: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = body.getReader();
  try {
    for (let size = 0; ;) {
      const chunk = await reader.read().catch(brokeOff);
      if (chunk.done) {
        return chunks;
      }
      size += chunk.value.byteLength;
      if (size > maxBytes) {
        throw tooLarge(maxBytes);
      }
      chunks.push(chunk.value);
    }
  } finally {
    reader.releaseLock();
  }
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  return isMeasured(request, maxBytes) ? readAtOnce(request, maxBytes) : readPiecemeal(request, maxBytes);
}

/** The body's length is known and allowed: HTTP delivers that much and no more. */
function isMeasured(request: Request, maxBytes: number): boolean {
  const length = request.headers.get("content-length");
  // A body in chunks is as long as they are, whatever else the headers say.
  const isChunked = request.headers.has("transfer-encoding");
  return !isChunked && length !== null && /^\d{1,9}$/.test(length) && Number(length) <= maxBytes;
}

/** One read of the platform's instead of one for each piece, which costs more than all that is done with a small body. */
async function readAtOnce(request: Request, maxBytes: number): Promise<Uint8Array> {
  const buffer = await request.arrayBuffer().catch(brokeOff);
  // Should the platform ever let a length be wrong.
  if (buffer.byteLength > maxBytes) {
    throw tooLarge(maxBytes);
  }
  return new Uint8Array(buffer);
}

/** A caller who goes away in the middle is no defect of ours, and nobody is left to read this. */
function brokeOff(cause: unknown): never {
  throw new HttpError("invalid_json", "The body broke off.", { cause });
}

async function readPiecemeal(request: Request, maxBytes: number): Promise<Uint8Array> {
  const chunks = request.body === null ? [] : await readChunks(request.body, maxBytes);
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/** The value nests no deeper than `levels`; walks level by level, so that it needs no stack itself. */
export function isShallow(value: unknown, levels: number): boolean {
  let current: unknown[] = [value];
  for (let level = 0; level <= levels; level++) {
    current = current.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
    if (current.length === 0) {
      return true;
    }
  }
  return false;
}

function parse(bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  if (bytes.byteLength === 0) {
    throw new HttpError("invalid_json", "The body is empty.");
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch {
    throw new HttpError("invalid_json", "The body could not be read as UTF-8 JSON.");
  }
}

export async function readJsonBody(request: Request, maxBytes = maxBodyBytes): Promise<unknown> {
  checkHeaders(request, maxBytes);
  return toShallowValue(await readBytes(request, maxBytes));
}

/** For requests that need no body: an empty one is `{}`, whatever type a client gives it. */
export async function readOptionalJsonBody(request: Request): Promise<unknown> {
  const bytes = await readBytes(request, maxBodyBytes);
  if (bytes.byteLength === 0) {
    return {};
  }
  checkHeaders(request, maxBodyBytes);
  return toShallowValue(bytes);
}

function toShallowValue(bytes: Uint8Array): unknown {
  const { text, value } = parse(bytes);
  if (!isShallow(value, maxDepth)) {
    throw new HttpError("invalid_json", `The body nests more than ${maxDepth} levels.`);
  }
  refuseHalfPairs(text, value);
  return value;
}
