// Reads what is left of a request's body before the reply goes out. A server that answers and hangs up while its
// caller still writes is seen as a broken connection, and the answer is lost. What is read is thrown away.

import { createMiddleware } from "hono/factory";
import type { Clock } from "../../engines/clock.ts";
import type { AppEnv } from "../mount.ts";

/** A caller by mistake sends a few megabytes; whoever sends more may see the connection break. */
const maxBytes = 64 * 1_048_576;
/** Long enough for the former on a slow line; a caller who stalls gets the answer then. */
const maxMs = 2000;

async function discard(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
  const reader = body.getReader();
  const stop = Promise.withResolvers<null>();
  signal.addEventListener("abort", () => stop.resolve(null));
  try {
    for (let size = 0; size <= maxBytes;) {
      const chunk = await Promise.race([reader.read(), stop.promise]);
      if (chunk === null || chunk.done) {
        return;
      }
      size += chunk.value.byteLength;
    }
  } catch {
    // The caller has gone; nobody waits for the answer.
  } finally {
    reader.releaseLock();
  }
}

/** Stands before everything else, so that it sees every reply: also those to requests that no route took. */
export function drainBody(clock: Clock) {
  return createMiddleware<AppEnv>(async function drain(context, next) {
    await next();
    const { body } = context.req.raw;
    if (body === null || body.locked) {
      return;
    }
    const [late, done] = [new AbortController(), new AbortController()];
    const timer = clock.sleep(maxMs, done.signal).then(() => late.abort());
    await discard(body, late.signal);
    done.abort();
    await timer;
  });
}
