// Reads a request's JSON body with a bound on its bytes and on its depth. It trusts neither Content-Length nor
// Content-Type's absence, and never lets a parser's own error text out.

import { HttpError } from "./problem.ts";

/** 1 MiB: a query is 32 KB, the rest is reference answers and metadata. */
export const maxBodyBytes = 1_048_576;
/** Deeper values overflow the stacks of recursive readers further on. */
const maxDepth = 64;

function tooLarge(): HttpError {
  return new HttpError("body_too_large", `The body may have ${maxBodyBytes} bytes at most.`);
}

function checkHeaders(request: Request): void {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity") {
    throw new HttpError("unsupported_content_encoding", "Send the body as it is, without Content-Encoding.");
  }
  const mediaType = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") {
    throw new HttpError("unsupported_media_type", "Send JSON with `Content-Type: application/json`.");
  }
  if (Number(request.headers.get("content-length") ?? 0) > maxBodyBytes) {
    throw tooLarge();
  }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (reader === undefined || chunk === undefined || chunk.done) {
      break;
    }
    size += chunk.value.byteLength;
    if (size > maxBodyBytes) {
      await reader.cancel();
      throw tooLarge();
    }
    chunks.push(chunk.value);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

/** The value nests no deeper than `levels`; walks level by level, so that it needs no stack itself. */
function isShallow(value: unknown, levels: number): boolean {
  let current: unknown[] = [value];
  for (let level = 0; level <= levels; level++) {
    current = current.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
    if (current.length === 0) {
      return true;
    }
  }
  return false;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    throw new HttpError("invalid_json", "The body could not be read as UTF-8 JSON.");
  }
}

export async function readJsonBody(request: Request): Promise<unknown> {
  checkHeaders(request);
  const value = parse(await readBytes(request));
  if (!isShallow(value, maxDepth)) {
    throw new HttpError("invalid_json", `The body nests more than ${maxDepth} levels.`);
  }
  return value;
}
