// The sandbox port over the tenant's pool object. A fault of the platform on the way becomes `sandbox_unavailable`;
// nothing is tried twice inside the invocation, because after such a fault the object may be gone for it.

import type { Env } from "../src/env.ts";
import { err } from "../src/lib/result.ts";
import type { PythonRequest, PythonSandbox } from "../src/tools/python-coder/python-sandbox.ts";
import { replayLimitsOf } from "../src/tools/python-coder/replay-limits.ts";
import type { SandboxReply } from "./sandbox-pool.ts";

export function createSandboxClient(env: Pick<Env, "SANDBOX">): PythonSandbox {
  return {
    async run({ tenant, onQueued, ...request }: PythonRequest, signal: AbortSignal): Promise<SandboxReply> {
      const aborted = err({ code: "aborted", detail: "the call was aborted" } as const);
      if (signal.aborted) {
        return aborted;
      }
      const pool = env.SANDBOX.getByName(tenant);
      const ticket = crypto.randomUUID();
      const { promise: abort, resolve } = Promise.withResolvers<"aborted">();
      const { promise: served, resolve: serve } = Promise.withResolvers<void>();
      const onAbort = (): void => resolve("aborted");
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const replayLimits = replayLimitsOf(request.limits, request.earlierCode.length);
        const job = { ...request, ticket, replayLimits };
        const onQueue = (now: "waits" | "served"): void => (now === "waits" ? onQueued(served) : serve());
        const reply = await Promise.race([pool.run(job, onQueue), abort]);
        if (reply !== "aborted") {
          return reply;
        }
        await pool.withdraw(ticket);
        return aborted;
      } catch (error) {
        return err({ code: "sandbox_unavailable", detail: error instanceof Error ? error.message : String(error) });
      } finally {
        serve();
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
