// The Worker's entry: fetch, scheduled, and the Durable Object classes; nothing else.

import { createService } from "./service.ts";
import type { Env } from "./env.ts";

export { Exporter } from "../durable-objects/exporter.ts";
export { RolloutBatch } from "../durable-objects/rollout-batch.ts";
export { SandboxPool } from "../durable-objects/sandbox-pool.ts";
export { Session } from "../durable-objects/session.ts";

export default {
  fetch(request, env, ctx) {
    return createService(env).app.fetch(request, env, ctx);
  },
  async scheduled(controller, env) {
    await createService(env).sweep(controller.scheduledTime);
  },
} satisfies ExportedHandler<Env>;
