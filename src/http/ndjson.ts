// The lines of a large body, one at a time, so that memory grows with a line and not with the body. Lines are split
// in bytes and decoded one by one: a broken character is its own line's fault.

import { isShallow, maxDepth, tooLarge } from "./body.ts";
import { refuseHalfPairs } from "./half-pairs.ts";
import { HttpError } from "./problem.ts";

export interface Line {
  /** From 1, as an editor counts. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

export interface LineLimits {
  readonly maxBodyBytes: number;
  readonly maxLineBytes: number;
}

const lineFeed = 10;

/** 422 that names the line. */
export function lineError(line: number, code: string, detail: string): HttpError {
  const field = `line ${line}`;
  return new HttpError("invalid_request", `Not valid: ${field}.`, { errors: [{ field, code, detail }] });
}

/** Every line with anything on it, and the last one with or without its end. */
export async function* readLines(body: ReadableStream<Uint8Array>, limits: LineLimits): AsyncGenerator<Line> {
  const reader = body.getReader();
  let rest: Uint8Array = new Uint8Array();
  let number = 0;
  try {
    for (let size = 0; ;) {
      // A caller who goes away in the middle is no defect of ours, and nobody is left to read this.
      const chunk = await reader.read().catch((cause: unknown) => {
        throw new HttpError("invalid_json", "The body broke off.", { cause });
      });
      if (chunk.done) {
        break;
      }
      size += chunk.value.byteLength;
      if (size > limits.maxBodyBytes) {
        throw tooLarge(limits.maxBodyBytes);
      }
      const parts = splitLines(join(rest, chunk.value));
      rest = parts.pop() ?? new Uint8Array();
      for (const bytes of parts) {
        number += 1;
        yield* visibleLine(number, bytes, limits);
      }
      checkLength(number + 1, rest, limits);
    }
    yield* visibleLine(number + 1, rest, limits);
  } finally {
    reader.releaseLock();
  }
}

/** Throws 422 for what is no JSON in UTF-8, is nested too deeply, or holds half a surrogate pair. */
export function parseLine({ number, bytes }: Line): unknown {
  const { text, value } = decodeLine(number, bytes);
  if (!isShallow(value, maxDepth)) {
    throw lineError(number, "invalid_json", `This line nests more than ${maxDepth} levels.`);
  }
  refuseHalfPairs(text, value, (field) => `line ${number}: ${field}`);
  return value;
}

function decodeLine(number: number, bytes: Uint8Array): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch {
    throw lineError(number, "invalid_json", "This line could not be read as UTF-8 JSON.");
  }
}

function* visibleLine(number: number, bytes: Uint8Array, limits: LineLimits): Generator<Line> {
  checkLength(number, bytes, limits);
  // Blanks, tabs and the carriage return of a Windows line are no value.
  if (bytes.some((byte) => byte > 32)) {
    yield { number, bytes };
  }
}

function checkLength(number: number, { byteLength }: Uint8Array, { maxLineBytes }: LineLimits): void {
  if (byteLength > maxLineBytes) {
    throw lineError(number, "too_big", `A line may have ${maxLineBytes} bytes at most.`);
  }
}

function join(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.byteLength === 0) {
    return right;
  }
  const joined = new Uint8Array(left.byteLength + right.byteLength);
  joined.set(left);
  joined.set(right, left.byteLength);
  return joined;
}

/** One piece more than there are line feeds. */
function splitLines(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, start)) {
    parts.push(bytes.subarray(start, end));
    start = end + 1;
  }
  parts.push(bytes.subarray(start));
  return parts;
}
