// The entry of the dynamic worker: one job in, one answer out, as JSON; or the ticket of a job to cancel. Its headers come
// when it has an interpreter, before any program begins, and the answer when the job is done. It holds the isolate's only
// state, the session with its interpreter. It has no network and no bindings.

import { BootFailure, RunSession } from "./run-session.ts";
import type { RunnerEnv, SandboxJob } from "./job.ts";

/** Tells the pool that this isolate is spoilt, by an earlier program perhaps, and that nothing has run. */
const bootFailedStatus = 503;

const session = new RunSession();

async function answerJob(job: SandboxJob, env: RunnerEnv): Promise<Response> {
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>();
  const answer = session.execute(job, env, onReady);
  await Promise.race([ready, answer]);
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode(JSON.stringify(await answer)));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/json" } });
}

export default {
  async fetch(request: Request, env: RunnerEnv): Promise<Response> {
    if (request.method === "DELETE") {
      session.cancel(await request.text());
      return new Response(null, { status: 204 });
    }
    try {
      return await answerJob(await request.json<SandboxJob>(), env);
    } catch (error) {
      if (error instanceof BootFailure) {
        return new Response(error.message, { status: bootFailedStatus });
      }
      throw error;
    }
  },
};
