// What the Python package is tested against: datasets of this project's own writer, and beside each the lines of its
// views, from which the package must not differ.

import { writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { toLineStream } from "../../src/training/views/line-stream.ts";
import { openView, type ViewRequest } from "../../src/training/views/view.ts";
import { writeDataset } from "../support/dataset-folder.ts";
import { type DatasetPlan, makeDataset } from "../support/view-dataset.ts";
import { unevenPlan } from "../unit/views/uneven-plan.ts";

const views: Readonly<Record<string, ViewRequest>> = {
  turns: { view: "jsonl", table: "turns" },
  rollouts: { view: "jsonl", table: "rollouts" },
  groups: { view: "jsonl", table: "groups" },
  verl: { view: "verl", include: "checked" },
  "verl-unchecked": { view: "verl", include: "unchecked" },
  trl: { view: "trl", include: "checked", fold: null },
  "trl-unchecked": { view: "trl", include: "unchecked", fold: null },
  "trl-eq5": { view: "trl", include: "checked", fold: "eq5" },
};

const plain = { reply: [3, 4, 5] };

/** Every reason to leave a row out, every null, odd text, two sets of files. */
const oddPlan: DatasetPlan = {
  groupsPerSet: 2,
  groups: [
    {
      rollouts: [
        { reward: 1, turns: [plain, { reply: [], stop: [], response_text: "" }, { reply: [7], guided: true }] },
        { reward: 0.25, turns: [{ reply: [9, 8], logprobs_mode: "unknown" }, plain] },
        { reward: 0, turns: [{ ...plain, logprobs_mode: "raw", temperature: 1, top_p: 1 }] },
      ],
    },
    {
      rollouts: [
        { reward: 1, turns: [{ reply: null, temperature: null, tool_name: null, tool_status: null }] },
        { reward: 0, turns: [plain, { ...plain, response_logprobs: null, stop: ["\n", "\u2028 end"] }] },
      ],
    },
    {
      planned: 3,
      step: 2,
      rollouts: [
        { reward: null, invalid: "engine_failed", index: 0, attempt: 1, turns: [plain] },
        { reward: 1, index: 0, attempt: 2, turns: [{ ...plain, response_text: 'a"b\\ 漢字 🙂' }] },
        { reward: 0, index: 1, turns: [{ ...plain, temperature: 0 }, plain, plain] },
        {
          reward: 0,
          index: 2,
          turns: [
            { ...plain, logprobs_mode: "raw" },
            { ...plain, seed: 2 ** 40 },
          ],
        },
      ],
    },
    { complete: false, rollouts: [{ reward: 1, turns: [plain] }] },
  ],
};

async function write(folder: string, name: string, plan: DatasetPlan): Promise<void> {
  const made = await makeDataset(plan);
  writeDataset(made, join(folder, name));
  mkdirSync(join(folder, `${name}.views`));
  for (const [view, request] of Object.entries(views)) {
    const { leftOut, rows } = await openView(made.source, request);
    writeFileSync(join(folder, `${name}.views`, `${view}.jsonl`), await new Response(toLineStream(rows)).text());
    writeFileSync(join(folder, `${name}.views`, `${view}.left-out.json`), JSON.stringify(leftOut));
  }
}

export async function writeFixtures(folder: string): Promise<void> {
  await write(folder, "uneven", unevenPlan);
  await write(folder, "odd", oddPlan);
  await write(folder, "turns", { ...unevenPlan, spec: { over: "turn", std: "n", eps: 0 } });
}
