// The arena that is the real service: a server of its own with a state folder of its own, and nothing but its public
// API. What comes back for training are the Parquet files of the dataset, checked against their manifest's hashes.

import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { Batch } from "../../src/training/batch-object.ts";
import { type Arena, type Collected, learnTools, learnTurns, type Played, type Practice } from "./arena.ts";
import { startDevServer } from "../lib/dev-server.ts";
import { makeScratchFolder } from "../lib/scratch-folder.ts";
import { createApi, type Api } from "./learn-api.ts";
import { readLearnDataset } from "./read-dataset.ts";

/** Python programs take turns anyway; more at once only grow the server. */
const concurrency = 32;
const pollMs = 100;
/** A whole seed leaves 25,600 sessions and their records. */
const maxStateBytes = 5 * 1024 ** 3;
/** A batch or an export that is not over by then is stuck. */
const maxWaitMs = 600_000;

const ExportReply = z.looseObject({
  id: z.string(),
  status: z.enum(["queued", "running", "completed", "empty", "failed"]),
  dataset_id: z.string().nullable(),
});

export async function createServiceArena(): Promise<Arena> {
  const stateDir = makeScratchFolder("agentflow-learn-", maxStateBytes);
  const remove = (): void => {
    process.off("exit", remove);
    rmSync(stateDir, { recursive: true, force: true, maxRetries: 5 });
  };
  process.on("exit", remove);
  const server = await startDevServer({
    host: "127.0.0.1",
    port: 0,
    stateDir,
    variables: { ALLOW_ANONYMOUS: "1", INFERENCE_BASE_URL: "offline" },
    output: "ignore",
  }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const api = createApi(server.url);
  return {
    ...arenaOver(api),
    async close() {
      await server.stop();
      remove();
    },
  };
}

/** The arena over a service that runs somewhere; `close` leaves it running. */
export function arenaOver(api: Api): Arena {
  let version = "";
  const play = async (practice: Practice): Promise<Batch> => {
    const { tasks, groupSize, temperature, split, seed } = practice;
    const created = await api.post("/v1/rollouts", Batch, {
      tasks: tasks.map(({ id, query, answers, reward }) => ({ id, query, answers, reward })),
      group_size: groupSize,
      policy: version,
      sampling: { temperature },
      limits: { max_turns: learnTurns },
      tools: learnTools,
      concurrency,
      split,
      seed,
    });
    return untilOver(() => api.get(`/v1/rollouts/${created.id}`, Batch));
  };
  return {
    name: "through the service",
    async publish(weights, datasets) {
      ({ version } = weights);
      await api.put(`/v1/policies/${version}`, { engine: "offline", weights, datasets });
      await api.post(`/v1/policies/${version}/activate`, z.unknown(), {});
    },
    async collect(practice, advantageSpec): Promise<Collected> {
      const batch = await play(practice);
      const request = { batch_id: batch.id, advantage_spec: advantageSpec };
      const { id } = await api.post("/v1/exports", ExportReply, request);
      const exported = await untilOver(() => api.get(`/v1/exports/${id}`, ExportReply));
      if (exported.status !== "completed" || exported.dataset_id === null) {
        throw new Error(`the export of ${batch.id} is ${exported.status}: ${JSON.stringify(exported)}`);
      }
      const dataset = await readLearnDataset(api, exported.dataset_id);
      return { ...summary(batch), datasetId: exported.dataset_id, dataset };
    },
    examine: async (practice) => summary(await play(practice)),
    close: () => Promise.resolve(),
  };
}

async function untilOver<T extends { readonly status: string }>(ask: () => Promise<T>): Promise<T> {
  const until = performance.now() + maxWaitMs;
  for (;;) {
    const seen = await ask();
    if (seen.status !== "queued" && seen.status !== "running") {
      return seen;
    }
    if (performance.now() > until) {
      throw new Error(`still ${seen.status} after ${maxWaitMs / 1000} s: ${JSON.stringify(seen)}`);
    }
    await sleep(pollMs);
  }
}

function summary({ id, status, counts, mean_reward }: Batch): Played {
  if (status !== "completed") {
    throw new Error(`the batch ${id} is ${status}`);
  }
  return { rollouts: counts.planned, success: (mean_reward ?? 0) * counts.valid, invalid: counts.invalid };
}
