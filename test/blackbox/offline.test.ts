// The offline engine behind /v1/solve, with nothing in between left out: Game of 24 puzzles judged by an evaluator
// of the test's own, and the wordings that docs/offline-engine.md promises. Every result must come from a program
// that the sandbox ran.

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import type { RunEvent } from "../../src/agent/events.ts";
import type { RunObject } from "../../src/agent/run-object.ts";
import { createRandom } from "../../src/lib/random.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";
import { type Api, apiOf } from "./support/api.ts";
import { lazily } from "./support/lazily.ts";
import { documented, outside } from "./support/offline-questions.ts";
import { isSolvable, judgeExpression } from "./support/rational.ts";

const state = temporaryDir();
let server: Server;
let api: Api;

interface Solved {
  readonly run: RunObject;
  readonly log: readonly RunEvent[];
}

const Puzzle = z.looseObject({ query: z.string(), numbers: z.array(z.int()).min(2) });
type Puzzle = z.infer<typeof Puzzle>;

/** Lines of `{query, numbers}`; the data set is not part of this repository. */
function puzzlesFrom(path: string): Puzzle[] | null {
  if (!existsSync(path)) {
    return null;
  }
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line) => (line.trim() === "" ? [] : [Puzzle.parse(JSON.parse(line))]));
}

function generatedPuzzles(count: number): Puzzle[] {
  const random = createRandom(24, 0);
  const found: Puzzle[] = [];
  while (found.length < count) {
    const numbers = Array.from({ length: 4 }, () => 1 + Math.floor(random.next() * 13));
    if (isSolvable(numbers, 24)) {
      found.push({ query: `Make 24 from ${numbers.join(", ")}, using each number once.`, numbers });
    }
  }
  return found;
}

const dataFile = process.env["AGENTFLOW_DATA"] ?? resolve(import.meta.dirname, "../../../shared/data/gameof24.jsonl");
const puzzles = puzzlesFrom(dataFile) ?? generatedPuzzles(30);

async function solve({ query }: { readonly query: string }): Promise<Solved> {
  const run = await api.solve({ query });
  return { run, log: await api.events(run.id) };
}

/** What the programs of a run printed. */
function printed(log: readonly RunEvent[]): string {
  const Result = z.looseObject({ stdout: z.string() });
  return log
    .flatMap((event) =>
      event.type === "tool.completed" && event.tool === "python_coder" ? [Result.parse(event.result).stdout] : [],
    )
    .join("\n");
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

beforeAll(async () => {
  server = await startServer({ stateDir: state.path, env: { INFERENCE_BASE_URL: "offline" } });
  api = apiOf(server.url);
});

afterAll(async () => {
  await server.kill9();
  state.remove();
});

describe("Game of 24", () => {
  const solved = lazily(puzzles, 4, solve);

  test.each(puzzles.map((puzzle) => ({ name: puzzle.numbers.join(" "), puzzle })))("$name", async ({ puzzle }) => {
    const { run, log } = await solved(puzzle);
    expect(run.status).toBe("completed");
    const answer = run.answer ?? "";
    const { numbers, hits } = judgeExpression(answer, 24);
    expect([answer, hits]).toEqual([answer, true]);
    expect(sorted(numbers)).toEqual(sorted(puzzle.numbers));
    expect(printed(log)).toContain(answer);
  });

  test("a puzzle without a solution is said to have none", async () => {
    expect(isSolvable([1, 1, 1, 1], 24)).toBe(false);
    const { run } = await solve({ query: "Make 24 from 1, 1, 1, 1." });
    expect(run).toMatchObject({ status: "completed", answer: "no expression reaches 24" });
  });
});

describe("the documented wordings", () => {
  const solved = lazily(documented, 4, solve);

  test.each(documented)("$query", async (question) => {
    const { run, log } = await solved(question);
    expect([run.status, run.answer]).toEqual(["completed", question.answer]);
    expect(printed(log)).toContain(question.answer);
    expect(run.turns.map((turn) => turn.plan?.model.startsWith("offline"))).toEqual(run.turns.map(() => true));
  });
});

describe("outside the domain", () => {
  test.each(outside)("%s", async (query) => {
    const { run } = await solve({ query });
    expect(run.answer).toMatch(/cannot answer this without a language model.*INFERENCE_BASE_URL/);
  });
});
