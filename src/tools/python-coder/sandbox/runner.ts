// The entry of the dynamic worker: one job in, one answer out, as JSON; or the ticket of a job to cancel. It holds the isolate's only state, the session
// with its interpreter. It has no network and no bindings.

import { BootFailure, RunSession } from "./run-session.ts";
import type { RunnerEnv, SandboxJob } from "./job.ts";

/** Tells the pool that this isolate is spoilt, by an earlier program perhaps, and that nothing has run. */
const bootFailedStatus = 503;

const session = new RunSession();

export default {
  async fetch(request: Request, env: RunnerEnv): Promise<Response> {
    if (request.method === "DELETE") {
      session.cancel(await request.text());
      return new Response(null, { status: 204 });
    }
    const job = await request.json<SandboxJob>();
    try {
      return Response.json(await session.execute(job, env));
    } catch (error) {
      if (error instanceof BootFailure) {
        return new Response(error.message, { status: bootFailedStatus });
      }
      throw error;
    }
  },
};
