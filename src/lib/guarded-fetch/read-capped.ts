// Reads a body up to a cap. It trusts no Content-Length, counts bytes after decompression, and lets go of the
// connection however it stops.

import { err, ok, type Result } from "../result.ts";
import { type FetchFault, stopFault } from "./fetch-fault.ts";

export interface ReadLimits {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** What a larger body is: `cut` keeps its beginning, `refuse` (the default) is `too_large`. */
  readonly larger?: "cut" | "refuse";
}

export interface CappedBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isTruncated: boolean;
}

export async function readCapped(
  { body }: Pick<Response, "body">,
  limits: ReadLimits,
): Promise<Result<CappedBody, FetchFault>> {
  if (body === null) {
    return ok({ bytes: new Uint8Array(), isTruncated: false });
  }
  const { maxBytes, signal, larger = "refuse" } = limits;
  const reader = body.getReader();
  // Not every body listens to the signal of its fetch; a cancelled reader ends the read that is waiting.
  const letGo = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener("abort", letGo, { once: true });
  const chunks: Uint8Array[] = [];
  try {
    for (let size = 0; ;) {
      const next = await readNext(reader, signal);
      if (!next.ok) {
        return next;
      }
      if (next.value === null) {
        return ok({ bytes: join(chunks, size), isTruncated: false });
      }
      size += next.value.byteLength;
      chunks.push(next.value);
      if (size > maxBytes) {
        return larger === "cut"
          ? ok({ bytes: join(chunks, maxBytes), isTruncated: true })
          : err({ code: "too_large", detail: `the reply is larger than ${maxBytes} bytes` });
      }
    }
  } finally {
    signal.removeEventListener("abort", letGo);
    letGo();
  }
}

/** Null at the end. */
async function readNext(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
): Promise<Result<Uint8Array | null, FetchFault>> {
  try {
    const { done, value } = await readOrAbort(reader, signal);
    if (!signal.aborted) {
      return ok(done ? null : value);
    }
  } catch {
    if (!signal.aborted) {
      return err({ code: "connection_failed", detail: "the reply broke off, or could not be decompressed" });
    }
  }
  return err(stopFault(signal));
}

function readOrAbort(reader: ReadableStreamDefaultReader<Uint8Array>, signal: AbortSignal) {
  signal.throwIfAborted();
  return reader.read();
}

/** The first `size` bytes. */
function join(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, size - offset);
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}
