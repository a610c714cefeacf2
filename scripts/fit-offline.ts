// Fits the offline planner's first weights (`offline-0`) by maximum likelihood on a teacher's plans and writes them
// to the weights file: `node scripts/fit-offline.ts`. The teacher plans the kinds of parts that memory lacks, then
// the combination. One seed gives one file; training by rewards is not done here.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import * as z from "zod";
import type { MemoryEntry } from "../src/agent/memory.ts";
import { plannerPrompt } from "../src/agent/prompts/planner.ts";
import { toSubGoal } from "../src/engines/offline/modules/sub-goals.ts";
import { features } from "../src/engines/offline/policy/features.ts";
import {
  type PlanKind,
  planKinds,
  planRows,
  type PlanToken,
  planTokens,
  rowOf,
} from "../src/engines/offline/policy/grammar.ts";
import { allowedTokens } from "../src/engines/offline/policy/policy.ts";
import { featureGroups, type FeatureGroup, featureNames, groupOf } from "../src/engines/offline/policy/vocabulary.ts";
import { OfflineWeights, zeroWeights } from "../src/engines/offline/policy/weights.ts";
import { type PartKind, partKinds } from "../src/engines/offline/question/part.ts";
import { boundTasks } from "../src/engines/offline/tasks/bound-tasks.ts";
import { offlineTasks } from "../src/engines/offline/tasks/offline-tasks.ts";
import { outsideQuestions } from "../src/engines/offline/tasks/outside-questions.ts";
import { createRandom, type Random } from "../src/lib/random.ts";
import type { Tool } from "../src/tools/tool.ts";

const taskCount = 4000;
const outsideCount = 800;
const boundCount = 2000;
const steps = 600;
const learningRate = 0.08;
/** Small enough to fit the teacher closely, large enough that words of single wordings carry little. */
const decay = 1e-5;
/** Share of a question's features that an example leaves out, so that no plan hangs on a single word. */
const dropout = 0.15;
/** Combining too early loses the question, one part too many costs a turn: so states with parts missing weigh more. */
const caution = 1.3;
const width = featureNames.length;

/** One choice of a plan: the features that were active, and the share of each token that the teacher would take. */
interface Example {
  readonly featureIds: readonly number[];
  readonly rows: readonly { readonly row: number; readonly wanted: number }[];
  readonly weight: number;
}

/** Only a tool's name matters to the planner's features. */
function tool(name: string): Tool {
  const refuse = () => Promise.reject(new Error("not run"));
  const base = { description: "", limitations: [], bestPractices: [], timeoutMs: 1, llmBacked: false } as const;
  return { ...base, name, parameters: z.strictObject({}), repeat: "safe", run: refuse };
}

const toolsets = [
  ["python_coder"],
  ["base_generator", "python_coder"],
  ["base_generator", "python_coder", "wikipedia_search"],
  ["python_coder", "web_search"],
].map((names) => names.map(tool));

function turn(index: number, kind: PlanKind, printed: string | null): MemoryEntry {
  const result = JSON.stringify({
    stdout: printed === null ? "" : `${printed}\n`,
    traceback: printed === null ? "LookupError" : null,
  });
  const error = printed === null ? { code: "program_error", detail: "LookupError: nothing found" } : null;
  return {
    turn: index + 1,
    sub_goal: toSubGoal(kind, null),
    tool: "python_coder",
    calls: [{ arguments: {}, result, error, produced_by: "" }],
    status: error === null ? "ok" : "error",
    error: null,
    verification: { conclusion: "continue", analysis: "" },
    ms: 0,
  };
}

/** A memory such as a run could have: the results of some parts, and now and then a failure in between. */
function makeMemory(done: readonly PartKind[], wrong: readonly PlanKind[], random: Random): MemoryEntry[] {
  const made = done.map((kind, index) => turn(index, kind, `${kind} 1 = ${random.whole(1, 500)}`));
  while (random.next() < 0.35 && wrong.length > 0) {
    made.splice(random.whole(0, made.length), 0, turn(made.length, random.pick(wrong), null));
  }
  return made;
}

function promptFeatures(
  query: string,
  tools: readonly Tool[],
  memory: readonly MemoryEntry[],
  groups: readonly FeatureGroup[],
): number[] {
  const analysis = { summary: "", required_skills: [], relevant_tools: [], considerations: "" };
  return features(plannerPrompt({ query, analysis, tools, memory, turnsLeft: 3 }).messages, groups);
}

/** The teacher's share is the same for each of the tokens that it finds right. */
function example(
  featureIds: readonly number[],
  context: "start" | "python_coder" | PartKind,
  right: readonly PlanToken[],
  weight = 1,
): Example {
  const rows = allowedTokens(featureIds, context).flatMap((id) => {
    const row = rowOf(context, id);
    const isRight = right.some((token) => token === planTokens[id]);
    return row === null ? [] : [{ row, wanted: isRight ? 1 / right.length : 0 }];
  });
  return { featureIds, rows, weight };
}

function examplesInside(seed: number, groups: readonly FeatureGroup[]): Example[] {
  const plain = offlineTasks({ seed, count: taskCount, split: "train" }).map(({ query, kinds }) => ({
    query,
    kinds,
    // A question with one part ends with it, so there is no state in which its result is known and more is to do.
    isCombined: kinds.length > 1,
  }));
  return [...plain, ...boundTasks(seed, boundCount)].flatMap(({ query, kinds, isCombined }, index) => {
    const random = createRandom(seed, 1_000_000 + index);
    const done = kinds.length === 1 ? [] : kinds.filter(() => random.next() < 0.5);
    const first = random.pick(kinds);
    const others = kinds.filter((kind) => kind !== first);
    const states = isCombined ? [[], ...(kinds.length === 1 ? [] : [done, others]), kinds] : [[]];
    return states.flatMap((known) => {
      const wrong = planKinds.filter((kind) => !kinds.some((own) => own === kind));
      const active = promptFeatures(query, random.pick(toolsets), makeMemory(known, wrong, random), groups);
      const featureIds = active.filter((id) => groupOf(id) !== "query" || random.next() >= dropout);
      const missing = kinds.filter((kind) => !known.includes(kind));
      return [
        ...(index % 4 === 0 ? [example(featureIds, "start", ["python_coder"])] : []),
        example(
          featureIds,
          "python_coder",
          missing.length === 0 ? ["combine"] : missing,
          missing.length === 0 ? 1 : caution,
        ),
        ...missing.slice(0, index % 4 === 0 ? 1 : 0).map((kind) => example(featureIds, kind, ["end"])),
      ];
    });
  });
}

function examplesOutside(seed: number, groups: readonly FeatureGroup[]): Example[] {
  return outsideQuestions(seed, outsideCount).map((query, index) => {
    const random = createRandom(seed, 2_000_000 + index);
    const memory = random.next() < 0.3 ? makeMemory([], partKinds, random) : [];
    return example(promptFeatures(query, toolsets[1 + (index % 2)] ?? [], memory, groups), "start", ["base_generator"]);
  });
}

/**
 * What memory says of one kind bears on that kind alone, the number of results on combining alone, and a word of the
 * question on the kinds of parts alone, for which it can only speak. Without these bounds on the first fit it learns
 * which kinds happen to go together in its tasks, and fails where others do. Training by rewards is not bound.
 */
const wholeKinds = new Set(["combine", "guess", "restate"].map((kind) => `python_coder>${kind}`));
const spoken = planRows.map((row) =>
  featureNames.map((name, id) => {
    const [about, kind] = name.split(":");
    if (groupOf(id) === "query") {
      return !wholeKinds.has(row);
    }
    if (about === "results") {
      return row === "python_coder>combine";
    }
    return (about !== "done" && about !== "failed" && about !== "last") || row === `python_coder>${kind}`;
  }),
);

function speaksFor(feature: number, row: number): boolean {
  return spoken[row]?.[feature] ?? false;
}

const onlySpeaksFor = planRows.flatMap((row) =>
  featureNames.map((_, id) => groupOf(id) === "query" && partKinds.some((kind) => row === `python_coder>${kind}`)),
);

/** d(-log likelihood)/d(weights), averaged, row after row; returns the loss too. */
function gradient(examples: readonly Example[], weights: Float64Array, into: Float64Array): number {
  let loss = 0;
  for (const { featureIds, rows, weight } of examples) {
    const scores = rows.map(({ row }) => {
      let score = 0;
      for (const id of featureIds) {
        score += weights[row * width + id] ?? 0;
      }
      return score;
    });
    const most = Math.max(...scores);
    const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
    for (const [index, { row, wanted }] of rows.entries()) {
      const logProb = (scores[index] ?? 0) - most - Math.log(total);
      loss -= weight * wanted * logProb;
      const slope = (weight * (Math.exp(logProb) - wanted)) / examples.length;
      for (const id of featureIds) {
        into[row * width + id] = (into[row * width + id] ?? 0) + slope * (speaksFor(id, row) ? 1 : 0);
      }
    }
  }
  return loss / examples.length;
}

function fit(examples: readonly Example[], rowCount: number): { rows: number[][]; loss: number } {
  const blank = () => new Float64Array(rowCount * width);
  const [weights, first, second] = [blank(), blank(), blank()];
  let loss = 0;
  for (let step = 1; step <= steps; step += 1) {
    const slopes = blank();
    loss = gradient(examples, weights, slopes);
    const [fade, fadeSquares] = [1 - 0.9 ** step, 1 - 0.999 ** step];
    for (const [at, value] of weights.entries()) {
      const slope = (slopes[at] ?? 0) + decay * value;
      const m = 0.9 * (first[at] ?? 0) + 0.1 * slope;
      const v = 0.999 * (second[at] ?? 0) + 0.001 * slope * slope;
      first[at] = m;
      second[at] = v;
      const moved = value - (learningRate * (m / fade)) / (Math.sqrt(v / fadeSquares) + 1e-8);
      weights[at] = onlySpeaksFor[at] === true ? Math.max(0, moved) : moved;
    }
  }
  return {
    rows: Array.from({ length: rowCount }, (_, row) => Array.from(weights.subarray(row * width, (row + 1) * width))),
    loss,
  };
}

function main(): void {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: new URL("../src/engines/offline/weights.json", import.meta.url).pathname },
      seed: { type: "string", default: "24" },
      version: { type: "string", default: "offline-0" },
      blind: { type: "boolean", default: false },
    },
  });
  const groups = featureGroups.filter((group) => !values.blind || (group !== "memory" && group !== "errors"));
  const seed = Number(values.seed);
  const examples = [...examplesInside(seed, groups), ...examplesOutside(seed, groups)];
  const empty = zeroWeights(values.version, groups);
  const { rows, loss } = fit(examples, empty.rows.length);
  // Two decimals keep the file small and change no plan that is not a toss-up.
  const rounded = rows.map((row) => row.map((value) => Math.round(value * 100) / 100 + 0));
  writeFileSync(values.out, toJson(OfflineWeights.parse({ ...empty, rows: rounded })));
  console.log(`${values.version}: ${examples.length} choices, loss ${loss.toFixed(4)}, written to ${values.out}`);
}

/** Numbers in lines of at most 120 characters, as the formatter wants them. */
function toJson({ rows, ...head }: OfflineWeights): string {
  const fields = Object.entries(head).map(
    ([name, value]) => `  "${name}": ${JSON.stringify(value).replaceAll(",", ", ")},`,
  );
  const lists = rows.map((row) => `    [\n${fillLines(row)}\n    ]`);
  return `{\n${fields.join("\n")}\n  "rows": [\n${lists.join(",\n")}\n  ]\n}\n`;
}

function fillLines(row: readonly number[]): string {
  const lines = [""];
  for (const [index, value] of row.entries()) {
    const piece = `${value}${index + 1 < row.length ? "," : ""}`;
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + piece.length > 114) {
      lines.push(piece);
    } else {
      lines[lines.length - 1] = line === "" ? piece : `${line} ${piece}`;
    }
  }
  return lines.map((line) => `      ${line}`).join("\n");
}

main();
