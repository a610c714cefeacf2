// The verifier and the generator: what is seen through, what is believed, and how results are said.

import { describe, expect, it } from "vitest";
import type { MemoryEntry } from "../../../src/agent/memory.ts";
import { Verdict } from "../../../src/engines/module-replies.ts";
import { generatorPrompt } from "../../../src/agent/prompts/generator.ts";
import { verifierPrompt } from "../../../src/agent/prompts/verifier.ts";
import { createOfflineEngine, offlineWeights } from "../../../src/engines/offline/engine.ts";
import { noModel } from "../../../src/engines/offline/modules/no-model.ts";
import { toSubGoal } from "../../../src/engines/offline/modules/sub-goals.ts";
import { call, request } from "./support/simulate.ts";
import { entry } from "./support/entry.ts";

const engine = createOfflineEngine({ weights: offlineWeights });
const analysis = { summary: "", required_skills: [], relevant_tools: [], considerations: "" };

async function conclusionOn(query: string, step: MemoryEntry): Promise<string> {
  const reply = await call(engine, request("verifier", verifierPrompt({ query, analysis, memory: [], step })));
  return Verdict.parse(JSON.parse(reply.text)).conclusion;
}

describe("the verifier", () => {
  it("goes on after failures, bare parts and values of the wrong kind", async () => {
    const two = "Take the mean of 3, 5 and add 12 * 3.";
    expect(await conclusionOn(two, entry("x", "", "ValueError: no"))).toBe("continue");
    expect(await conclusionOn(two, entry("x", "nothing here\n"))).toBe("continue");
    expect(await conclusionOn(two, entry("x", "statistics 1 = 4\n"))).toBe("continue");
    expect(await conclusionOn("What weekday was 2024-01-01?", entry("x", "answer = 17\n"))).toBe("continue");
    expect(await conclusionOn("What date is 3 days after 2024-01-01?", entry("x", "answer = 17\n"))).toBe("continue");
  });

  it("stops at a result of the right kind, and is fooled by a plausible number", async () => {
    expect(await conclusionOn("What is the mean of 3 and 5?", entry("x", "statistics 1 = 4\n"))).toBe("stop");
    expect(await conclusionOn("What is the mean of 3 and 5?", entry("x", "answer = 7\n"))).toBe("stop");
    expect(await conclusionOn("Take the mean of 3, 5 and add 12 * 3.", entry("x", "answer = 4\n"))).toBe("stop");
  });

  it("stops where the same command fails alike twice in a row, or repeats a part three times", async () => {
    const two = "Take the mean of 3, 5 and add 12 * 3.";
    const conclusionAfter = async (memory: MemoryEntry[], step: MemoryEntry) => {
      const reply = await call(engine, request("verifier", verifierPrompt({ query: two, analysis, memory, step })));
      return Verdict.parse(JSON.parse(reply.text)).conclusion;
    };
    const failed = entry("x", "", "LookupError: no");
    expect(await conclusionAfter([failed], failed)).toBe("stop");
    expect(await conclusionAfter([failed], entry("x", "", "LookupError: other"))).toBe("continue");
    const part = entry("x", "statistics 1 = 4\n");
    expect(await conclusionAfter([part], part)).toBe("continue");
    expect(await conclusionAfter([part, part], part)).toBe("stop");
    expect(await conclusionAfter([failed, part], failed)).toBe("continue");
  });

  it("stops where a part's own program fails, or a tool says that there is no model", async () => {
    const ten = "What is 10 / 0?";
    const failed = entry(toSubGoal("arithmetic", null), "", "ZeroDivisionError: Fraction(10, 0)");
    expect(await conclusionOn(ten, failed)).toBe("stop");
    expect(await conclusionOn("What is the mean of 3 and 5?", failed)).toBe("continue");
    expect(await conclusionOn(ten, entry("x", noModel))).toBe("stop");
  });

  it("checks a target expression by working it out", async () => {
    const query = "Make 24 from 1, 1, 1, 8.";
    const verdicts = ["(1+1+1)*8", "(1+1)*8+1", "3*8", "(1+1+1)*8)", "24", "1+1+1+8"].map((text) =>
      conclusionOn(query, entry("x", `target 1 = ${text}\n`)),
    );
    expect(await Promise.all(verdicts)).toEqual(["stop", ...Array.from({ length: 5 }, () => "continue")]);
  });
});

describe("the generator", () => {
  const query = "What is the mean of 3 and 5?";
  const verified = {
    ...entry(toSubGoal("statistics", null), "statistics 1 = 4\n"),
    verification: { conclusion: "stop", analysis: "" },
  } as const;
  const say = async (kind: "direct" | "final" | "base", memory: MemoryEntry[], reason: "max_turns" | null = null) =>
    (await call(engine, request("generator", generatorPrompt({ kind, query, analysis, memory, history: [], reason }))))
      .text;

  it("gives the bare answer, the way to it, or says that there is no model", async () => {
    expect(await say("direct", [verified])).toBe("4");
    expect(await say("final", [verified])).toMatch(/^1\. Work out the statistic.*statistics 1 = 4\.\n\nAnswer: 4$/s);
    expect(await say("base", [])).toContain("INFERENCE_BASE_URL");
  });

  it("says what is known where the run ended early", async () => {
    expect(await say("direct", [], "max_turns")).toBe("I could not work this out: no step gave a result.");
    expect(await say("final", [entry("x", "", "ValueError: no")], "max_turns")).toContain(
      "this failed: program_error: ValueError: no.",
    );
  });
});
