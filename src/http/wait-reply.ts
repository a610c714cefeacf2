// The reply to a caller who waits. A run that ends soon gets a plain JSON reply. After that a status must be
// committed to keep the connection alive, and 200 is the right one for every way a run can end: a line break goes
// out every 15 s (JSON allows leading white space), then the run.

import { toProblem } from "./problem.ts";
import { runReply } from "./run-reply.ts";
import type { Services } from "./services.ts";
import type { Waited } from "./wait-run.ts";

/** Proxies and clients cut a silent connection after 30 to 60 s. */
const silenceMs = 15_000;

const encoder = new TextEncoder();

/** Either what `waited` gives, or null after the silence. */
async function within(services: Services, waited: Promise<Waited>): Promise<Waited | null> {
  const { promise: silence, resolve } = Promise.withResolvers<null>();
  const stopTimer = services.clock.after(silenceMs, () => {
    resolve(null);
  });
  try {
    return await Promise.race([waited, silence]);
  } finally {
    stopTimer();
  }
}

/** The end of a body that has begun: the run, or a problem document if it was erased meanwhile. */
async function lastBytes(waited: Promise<Waited>, requestId: string): Promise<Uint8Array> {
  try {
    return encoder.encode(JSON.stringify((await waited).run));
  } catch (error) {
    return encoder.encode(JSON.stringify(toProblem(error, requestId).problem));
  }
}

function keptAlive(services: Services, waited: Promise<Waited>, requestId: string, stop: () => void) {
  // A rejection between two pulls is read by the next one.
  waited.catch(() => undefined);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const ended = await within(services, waited).then(
          (result) => result !== null,
          () => true,
        );
        if (!ended) {
          controller.enqueue(encoder.encode("\n"));
          return;
        }
        controller.enqueue(await lastBytes(waited, requestId));
        controller.close();
      },
      cancel: stop,
    },
    { highWaterMark: 0 },
  );
}

/** 200 with the ended run, or 202 with the run as it was last seen if its object could not be reached. */
export async function waitReply(
  services: Services,
  waited: Promise<Waited>,
  options: { runId: string; requestId: string; headers: Record<string, string>; stop: () => void },
): Promise<Response> {
  const early = await within(services, waited);
  if (early !== null) {
    const headers = early.kind === "ended" ? options.headers : { ...options.headers, "retry-after": "5" };
    return runReply(early.run, early.kind === "ended" ? 200 : 202, headers);
  }
  const body = keptAlive(services, waited, options.requestId, options.stop);
  return new Response(body, {
    headers: { ...options.headers, "content-type": "application/json", "x-run-id": options.runId },
  });
}
