// What models really write, and what each of it becomes. Nothing here may throw, guess, or read "do not stop" as stop.

import * as fc from "fast-check";
import * as z from "zod";
import { describe, expect, test } from "vitest";
import type { ReplySchema } from "../../../src/engines/engine.ts";
import { parseReply } from "../../../src/engines/structured.ts";
import { cpuMsOf } from "../../support/cpu-time.ts";
import { planSchema, verdictSchema } from "./support.ts";

const plan = {
  justification: "Numbers are best added by a program.",
  context: "The numbers are 3, 4 and 5.",
  sub_goal: "Add the numbers.",
  tool_name: "python_coder",
};
const json = JSON.stringify(plan);

describe("strict", () => {
  test.each([
    ["bare", json],
    ["with space around it", `\n  ${JSON.stringify(plan, null, 2)}\n`],
    ["in a fence", `Here it is:\n\n\`\`\`json\n${json}\n\`\`\`\nThat is all.`],
    ["in a fence without a language", `\`\`\`\n${json}\n\`\`\``],
    ["after its reasoning", `<think>I could write {"tool_name": "x"} but no.</think>\n${json}`],
    ["after reasoning that the template opened", `So, python it is.\n</think>\n\n${json}`],
  ])("%s", (_, text) => {
    expect(parseReply(planSchema, text)).toEqual({ how: "strict", value: plan });
  });

  test("a value that holds a closing think mark is whole", () => {
    const odd = { ...plan, context: 'the text "</think>" was found' };
    expect(parseReply(planSchema, JSON.stringify(odd))).toEqual({ how: "strict", value: odd });
  });

  test("of two fences the last counts", () => {
    const example = JSON.stringify({ ...plan, tool_name: "example_tool" });
    const text = `For example\n\`\`\`json\n${example}\n\`\`\`\nMine:\n\`\`\`json\n${json}\n\`\`\``;
    expect(parseReply(planSchema, text)).toEqual({ how: "strict", value: plan });
  });
});

describe("repaired", () => {
  test.each([
    ["words before and after", `Sure! ${json} I hope this helps.`],
    ["words with braces and quotes before it", `In {this} "case" I'd say: ${json}`],
    ["a trailing comma", json.replace("}", ",}")],
    ["single quotes", json.replaceAll('"', "'")],
    ["bare keys", json.replaceAll(/"(\w+)":/gu, "$1:")],
    ["a missing final brace", json.slice(0, -1)],
    ["a comment", json.replace("{", "{ /* my plan */ ")],
    ["an example first", `{"tool_name": "example"} and so: ${json}`],
  ])("%s", (_, text) => {
    expect(parseReply(planSchema, text)).toEqual({ how: "repaired", value: plan });
  });

  test("an object too long to repair is still found between words", () => {
    const long = { ...plan, context: "x".repeat(200_000) };
    expect(parseReply(planSchema, `Sure: ${JSON.stringify(long)} done.`)).toEqual({ how: "repaired", value: long });
  });

  test("what was cut off is not completed: at no place does a cut plan become a plan", () => {
    for (let length = 1; length < json.length - 1; length += 1) {
      const parsed = parseReply(planSchema, json.slice(0, length));
      expect([length, parsed.how]).toEqual([length, "none"]);
    }
  });

  test("a program cut in the middle is not run", () => {
    const schema: ReplySchema = {
      name: "command",
      json: {},
      parse: z.object({ calls: z.array(z.object({ arguments: z.object({ code: z.string() }) })) }),
      labels: {},
    };
    const whole = '{"calls":[{"arguments":{"code":"total = 1\\nprint(total)"}}]}';
    expect(parseReply(schema, whole).how).toBe("strict");
    expect(parseReply(schema, whole.slice(0, 40))).toMatchObject({ how: "none", error: /cut off/u });
  });
});

describe("labelled", () => {
  test.each([
    [
      "plain",
      "Justification: Numbers are best added by a program.\nContext: The numbers are 3, 4 and 5.\nSub-Goal: Add the numbers\nTool Name: python_coder",
    ],
    [
      "numbered and bold, as the prompt's list suggests",
      "1. **Justification:** Numbers are best added by a program.\n2. **Context:** The numbers are 3, 4 and 5.\n3. **Sub-Goal:** Add the numbers\n4. **Tool Name:** `python_coder`.",
    ],
    [
      "headings and other spellings",
      "### Justification: Numbers are best added by a program.\n- *Context* : The numbers are 3, 4 and 5.\n- __sub goal__: Add the numbers\n- **TOOL_NAME**: **python_coder**",
    ],
    [
      "an earlier attempt first",
      "Context: wrong\nSub-Goal: wrong\nTool Name: wrong\n\nNo, again.\n\nJustification: Numbers are best added by a program.\nContext: The numbers are 3, 4 and 5.\nSub-Goal: Add the numbers\nTool Name: python_coder\n\nI am confident in this.",
    ],
    [
      "a stray label after it",
      "Justification: Numbers are best added by a program.\nContext: The numbers are 3, 4 and 5.\nSub-Goal: Add the numbers\nTool Name: python_coder\n\nContext: is above.",
    ],
    [
      "another order",
      "Tool Name: python_coder\nSub-Goal: Add the numbers\nContext: The numbers are 3, 4 and 5.\nJustification: Numbers are best added by a program.",
    ],
    [
      "labels quoted in its reasoning",
      "<think>Context: x\nSub-Goal: y</think>Justification: Numbers are best added by a program.\nContext: The numbers are 3, 4 and 5.\nSub-Goal: Add the numbers\nTool Name: python_coder",
    ],
  ])("%s", (_, text) => {
    const value = { ...plan, sub_goal: "Add the numbers" };
    expect(parseReply(planSchema, text)).toEqual({ how: "labelled", value });
  });

  test("values of several lines keep them, and prose keeps its full stop", () => {
    const text =
      "Justification: a\nContext: first line\n- second line\n\nsecond paragraph.\nSub-Goal: Find the year in which it was built.\nTool: web_search";
    expect(parseReply(planSchema, text)).toMatchObject({
      value: {
        context: "first line\n- second line\n\nsecond paragraph.",
        sub_goal: "Find the year in which it was built.",
        tool_name: "web_search",
      },
    });
  });

  test("a list may be written as a list or as a line of words", () => {
    const schema: ReplySchema = {
      name: "analysis",
      json: { type: "object", properties: { skills: { type: "array" } } },
      parse: z.object({ skills: z.union([z.array(z.string()), z.string()]) }),
      labels: { skills: ["Skills"] },
    };
    expect(parseReply(schema, 'Skills: ["a", "b"]')).toMatchObject({ value: { skills: ["a", "b"] } });
    expect(parseReply(schema, "Skills: a, b")).toMatchObject({ value: { skills: "a, b" } });
  });

  test("a missing field is missing", () => {
    const parsed = parseReply(planSchema, "Context: a\nSub-Goal: b\nTool Name: c");
    expect(parsed).toMatchObject({ how: "none", error: /Justification \/ Context \/ Sub-Goal \/ Tool Name/u });
  });

  test.each([
    ["stop", "stop"],
    ["**STOP**", "stop"],
    ["Stop.", "stop"],
    ["`continue`!", "continue"],
    ["\nstop\n\nThe end.", "stop"],
  ])("the conclusion %j is %s", (written, conclusion) => {
    const parsed = parseReply(verdictSchema, `Analysis: fine\nConclusion: ${written}`);
    expect(parsed).toEqual({ how: "labelled", value: { analysis: "fine", conclusion } });
  });

  test.each([
    "do not stop yet",
    "stop? no",
    "not stop",
    "don't stop",
    "STOP or CONTINUE",
    "stopping",
    "",
    "continue, do not stop",
  ])("the conclusion %j is none", (written) => {
    expect(parseReply(verdictSchema, `Analysis: fine\nConclusion: ${written}`).how).toBe("none");
    expect(parseReply(verdictSchema, JSON.stringify({ analysis: "fine", conclusion: written })).how).toBe("none");
    expect(parseReply(verdictSchema, `{analysis: "fine", conclusion: "${written}"}`).how).toBe("none");
    expect(parseReply(verdictSchema, written).how).toBe("none");
  });
});

describe("properties", () => {
  const anyPlan = fc.record({
    justification: fc.string({ unit: "binary" }),
    context: fc.string({ unit: "binary" }),
    sub_goal: fc.string({ unit: "binary" }),
    tool_name: fc.string({ unit: "binary" }),
  });

  test("a value that parses strictly is returned unchanged", () => {
    fc.assert(
      fc.property(anyPlan, fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parseReply(planSchema, text)).toEqual({ how: "strict", value: JSON.parse(text) });
      }),
    );
  });

  const fragment = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    '"',
    ",",
    ":",
    "'",
    "`",
    "\\",
    "\n",
    "*",
    "#",
    "-",
    "1.",
    "<",
    ">",
    "```json",
    "<think>",
    "</think>",
    "Context:",
    "Tool Name:",
    '"tool_name":',
    "/*",
    "\u0000",
    "\uD800",
    "```",
    "null",
    "1e999",
  );
  const noise = fc.array(fc.oneof(fragment, fc.string()), { maxLength: 60 }).map((parts) => parts.join(""));

  /** What a parse promises: a short reason, or a value of the schema. */
  function keepsItsPromise(schema: ReplySchema, text: string): boolean {
    const parsed = parseReply(schema, text);
    return parsed.how === "none"
      ? parsed.error.length > 0 && parsed.error.length <= 300
      : schema.parse.safeParse(parsed.value).success;
  }

  test("no text makes it throw, and what it returns satisfies the schema", () => {
    fc.assert(
      fc.property(noise, fc.constantFrom(planSchema, verdictSchema), (text, schema) => {
        expect(keepsItsPromise(schema, text)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });

  test.each([
    ["open brackets", "[".repeat(250_000)],
    ["open objects", '{"a":'.repeat(50_000)],
    ["quotes", '{"'.repeat(125_000)],
    ["stars", "*".repeat(250_000)],
    ["spaces", `{${" ".repeat(250_000)}`],
    ["lines of stars", `${"*".repeat(4_000)}\n`.repeat(60)],
    ["labels", "Context: x\n".repeat(23_000)],
    ["fences", "```{".repeat(62_000)],
    ["newlines", "Tool Name:".padEnd(250_000, "\n")],
    ["dashes after an enum", `Conclusion: stop${"-".repeat(250_000)}x`],
    ["objects", "{}".repeat(125_000)],
    ["backslashes", `{"a":"${"\\".repeat(250_000)}`],
    ["commas", `{${",".repeat(250_000)}}`],
    ["a long string in single quotes", `{'a':'${"b'c".repeat(80_000)}'}`],
    ["stray quotes, as many as are repaired", `{"a":"${'b"c'.repeat(10_900)}"}`],
    ["small objects full of stray quotes", `{"a":"${'b"c'.repeat(500)}"} `.repeat(160)],
  ])("256 KB of %s is refused in reasonable time", async (_, text) => {
    const spentMs = await cpuMsOf(() => {
      expect(parseReply(planSchema, text).how).toBe("none");
      expect(parseReply(verdictSchema, text).how).toBe("none");
    });
    expect(spentMs).toBeLessThan(4_000);
  });
});
