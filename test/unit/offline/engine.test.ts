// The engine as a port: models, shapes, refusals, streaming, and no message that makes it throw or slow.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Analysis, analysisReply } from "../../../src/engines/module-replies.ts";
import { analyzerPrompt } from "../../../src/agent/prompts/analyzer.ts";
import { Role } from "../../../src/engines/engine.ts";
import { createOfflineEngine, offlineWeights } from "../../../src/engines/offline/engine.ts";
import { cpuMsOf } from "../../support/cpu-time.ts";
import { baseGenerator, call, pythonCoder, request } from "./support/simulate.ts";

const engine = createOfflineEngine({ weights: offlineWeights });
const tools = [baseGenerator, pythonCoder];

describe("the port", () => {
  const prompt = analyzerPrompt({ query: "What is the mean of 3 and 5?", tools, history: [] });

  it("names offline models only, and the planner's version", () => {
    expect(engine.modelOf("planner")).toBe("offline-planner/offline-1");
    expect(Role.options.every((role) => engine.modelOf(role).startsWith("offline"))).toBe(true);
  });

  it("analyses a question and streams its reply in pieces that make up the whole", async () => {
    const pieces: string[] = [];
    const reply = await call(
      engine,
      request("analyzer", prompt, { schema: analysisReply, onDelta: (piece) => pieces.push(piece) }),
    );
    expect(reply.parsed).toMatchObject({ how: "strict", value: { relevant_tools: ["python_coder"] } });
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe(reply.text);
    expect(Analysis.parse(JSON.parse(reply.text)).summary).toContain("statistics");
  });

  it("refuses to judge, obeys an abort and the size limit", async () => {
    const live = new AbortController().signal;
    expect(await engine.chat(request("judge", prompt), live)).toMatchObject({
      error: { code: "engine_refused", retryable: false },
    });
    expect(await engine.chat(request("analyzer", prompt), AbortSignal.abort())).toMatchObject({
      error: { code: "aborted" },
    });
    expect(await engine.chat(request("analyzer", prompt, { maxReplyBytes: 10 }), live)).toMatchObject({
      error: { code: "reply_too_large" },
    });
  });

  it("answers any message of any role, and reads no prompt for long", async () => {
    const words = fc.constantFrom(
      "mean",
      "of",
      "3",
      ",",
      "5",
      "(",
      ")",
      "-",
      "times",
      "days",
      "between",
      "2024-01-01",
      "24",
      "from",
      "make",
      "%",
      "km",
      "in",
      "<query>",
      "</query>",
      "\n",
      "{",
      "one",
      "hundred",
      "\ud800",
      "^",
      "√",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(words, { maxLength: 60 }).map((list) => list.join(" ")),
    );
    const sections = fc
      .tuple(text, text, text)
      .map(
        ([query, memory, rest]) =>
          `<query>\n${query}\n</query>\n\n<memory>\n${memory}\n</memory>\n\n<step>\n${rest}\n</step>\n\n<sub_goal>\n${rest}\n</sub_goal>\n\n<tools>\n${memory}\n</tools>`,
      );
    const roles = Role.options.filter((role) => role !== "judge");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...roles), fc.oneof(text, sections), async (role, content) => {
        const reply = await call(
          engine,
          request(
            role,
            { messages: [{ role: "user", content }] },
            { sampling: { temperature: 1, maxTokens: 64 }, capture: "tokens" },
          ),
        );
        expect(reply.text).not.toBe("");
      }),
      { numRuns: 400 },
    );
  });

  it("is not slowed down by a long hostile question", async () => {
    for (const piece of [
      "(",
      "- ",
      "3, ",
      "the mean of ",
      "2^",
      "square root of ",
      "one hundred ",
      "3 km in ",
      "2024-01-01 to ",
      "3 days after ",
      "sum of 3 and ",
    ]) {
      const content = `<query>\n${piece.repeat(20_000)}\n</query>`;
      const spentMs = await cpuMsOf(async () => {
        await call(engine, request("executor", { messages: [{ role: "user", content }] }));
        await call(engine, request("planner", { messages: [{ role: "user", content }] }));
      });
      // Anything that grows with the square of 6,000 characters takes far longer.
      expect({ piece, slow: spentMs >= 2000 }).toEqual({ piece, slow: false });
    }
  });
});
