// The HTTP layer over the real batch, session and ledger of a worker test, with keys as callers have them.

import { env } from "cloudflare:workers";
import { createApp } from "../../src/http/app.ts";
import { createBatchList } from "../../src/store/batches.ts";
import { createGroupStore } from "../../src/store/groups.ts";
import { Batch } from "../../src/training/batch-object.ts";
import { createWorld, type WorldOptions } from "./http-services.ts";
import { until } from "./session-object.ts";

export interface RolloutsApi {
  readonly tenant: string;
  send(method: string, path: string, options?: SendOptions): Promise<Response>;
  /** Starts a batch; throws unless it is accepted. */
  start(body: unknown, headers?: Record<string, string>): Promise<Batch>;
  batch(id: string): Promise<Batch>;
  /** Polls; the test's timeout is its bound. */
  ended(id: string): Promise<Batch>;
  stub(id: string): ReturnType<typeof env.BATCH.getByName>;
}

interface SendOptions {
  readonly body?: string | ReadableStream<Uint8Array>;
  readonly headers?: Record<string, string>;
}

/** Each tenant of a test has a name of its own, for the tests of a file share their stores. */
export async function rolloutsApi(
  tenant: string,
  scopes = "rollouts",
  options: Pick<WorldOptions, "hasJudge"> = {},
): Promise<RolloutsApi> {
  const world = createWorld({ keyed: true, ...options });
  const key = await world.addKey(tenant, scopes);
  const stub = (id: string) => env.BATCH.getByName(`${tenant}/${id}`);
  const app = createApp({
    ...world.services,
    batches: (owner, id) => env.BATCH.getByName(`${owner}/${id}`),
    batchList: createBatchList(env.DB),
    groups: createGroupStore(env.DB),
    policies: {
      ...world.services.policies,
      // The name under which the session tests' model plans.
      resolve: async (_owner, version = "planner-7") => (version === "planner-7" ? { version, step: 0 } : null),
    },
    // The objects' clock, for what they made is asked for its age.
    clock: { ...world.services.clock, now: () => Date.now() },
    ids: { now: () => Date.now(), random: (bytes) => crypto.getRandomValues(bytes) },
  });
  const send: RolloutsApi["send"] = async (method, path, { body, headers = {} } = {}) =>
    app.request(`http://localhost:8787${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body }),
    });
  const batch = async (id: string) => Batch.parse(await (await send("GET", `/v1/rollouts/${id}`)).json());
  return {
    tenant,
    send,
    batch,
    stub,
    async start(body, headers = {}) {
      const reply = await send("POST", "/v1/rollouts", { body: JSON.stringify(body), headers });
      if (reply.status !== 202) {
        throw new Error(`${reply.status}: ${await reply.text()}`);
      }
      return Batch.parse(await reply.json());
    },
    async ended(id) {
      await until(async () => (await batch(id)).ended_at !== null);
      return batch(id);
    },
  };
}
