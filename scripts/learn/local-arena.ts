// The arena in this process: the service's own loop, engine, tool, rewards, record and group mathematics, without the
// service around them. It writes no files; the rows it hands on are those that an export would write.

import { createClock } from "../../src/engines/clock.ts";
import { createOfflineEngine } from "../../src/engines/offline/engine.ts";
import { untrainedWeights } from "../../src/engines/offline/policy/weights.ts";
import type { OfflineTask } from "../../src/engines/offline/tasks/offline-tasks.ts";
import { RewardSpec } from "../../src/rewards/reward-spec.ts";
import { createBaseGenerator } from "../../src/tools/base-generator/tool.ts";
import { createPythonCoder } from "../../src/tools/python-coder/tool.ts";
import { parseAdvantageSpec } from "../../src/training/advantage-spec.ts";
import { groupAdvantages } from "../../src/training/advantages.ts";
import { rolloutSeedOf } from "../../src/training/batch-names.ts";
import { LearnTurn } from "../../src/training/learn/learn-dataset.ts";
import { lossWeights } from "../../src/training/loss-weights.ts";
import type { RolloutRecord } from "../../src/training/rollout-record.ts";
import { type Arena, type Collected, learnTools, learnTurns, type Played, type Practice } from "./arena.ts";
import { createLocalPython } from "./local-python.ts";
import { localRun } from "./local-run.ts";

export async function createLocalArena(): Promise<Arena> {
  const tools = [createBaseGenerator(), createPythonCoder(await createLocalPython())];
  const clock = createClock(() => Date.now());
  let weights = untrainedWeights("untrained");
  let batches = 0;

  const rollout = async (task: OfflineTask, practice: Practice, index: number): Promise<RolloutRecord> => {
    const { seed, temperature } = practice;
    return localRun({
      runId: `${task.id}/${index}`,
      spec: {
        session_id: "local",
        query: task.query,
        outputs: ["direct"],
        limits: { max_turns: learnTurns, max_seconds: 300, max_tokens: 200_000 },
        tools: [...learnTools],
        policy: { version: weights.version, step: 0 },
        sampling: { temperature, seed: await rolloutSeedOf(seed, task.id, index) },
        planner_structure: "free",
        metadata: {},
        rollout: {
          batch_id: "local",
          group_id: task.id,
          task_id: task.id,
          rollout_index: index,
          rollout_attempt: 1,
          split: practice.split,
        },
      },
      reference: { answers: [...task.answers], reward: RewardSpec.parse(task.reward) },
      engine: createOfflineEngine({ weights }),
      tools,
      clock,
    });
  };
  const play = async (practice: Practice): Promise<RolloutRecord[][]> => {
    const groups: RolloutRecord[][] = [];
    for (const task of practice.tasks) {
      const group: RolloutRecord[] = [];
      for (let index = 0; index < practice.groupSize; index += 1) {
        group.push(await rollout(task, practice, index));
      }
      groups.push(group);
    }
    return groups;
  };

  return {
    name: "in this process",
    publish(next) {
      weights = next;
      return Promise.resolve();
    },
    async collect(practice, advantageSpec): Promise<Collected> {
      const groups = await play(practice);
      batches += 1;
      const turns = groups.flatMap((group, index) => toTurns(group, String(index), advantageSpec));
      return { ...summary(groups.flat()), datasetId: `local-${batches}`, dataset: { turns, groups: groups.length } };
    },
    examine: async (practice) => summary((await play(practice)).flat()),
    close: () => Promise.resolve(),
  };
}

function summary(records: readonly RolloutRecord[]): Played {
  const invalid: Record<string, number> = {};
  for (const { invalid_reason: reason } of records) {
    if (reason !== null) {
      invalid[reason] = (invalid[reason] ?? 0) + 1;
    }
  }
  const success = records.reduce((sum, { valid, reward }) => sum + (valid ? (reward ?? 0) : 0), 0);
  return { rollouts: records.length, success, invalid };
}

function toTurns(group: readonly RolloutRecord[], groupId: string, advantageSpec: string): LearnTurn[] {
  const spec = parseAdvantageSpec(advantageSpec);
  if (!spec.ok) {
    throw new Error(spec.error);
  }
  const { advantages } = groupAdvantages(
    spec.value,
    group.map(({ reward, num_turns: turns, valid }) => ({ reward, turns, valid })),
  );
  const weights = lossWeights(
    group.map(({ valid, turns }) => ({
      valid,
      turnTokens: turns.map((turn) => turn.response_token_ids?.length ?? null),
    })),
  );
  return group.flatMap((record, rollout) =>
    record.turns.map((turn, at) =>
      LearnTurn.parse({
        ...turn,
        group_id: groupId,
        rollout_id: record.rollout_id,
        valid: record.valid,
        reward: record.reward,
        // The dataset's column is a float32.
        response_logprobs: turn.response_logprobs?.map(Math.fround) ?? null,
        advantage: advantages[rollout] ?? null,
        loss_weight: weights[rollout]?.[at] ?? null,
      }),
    ),
  );
}
