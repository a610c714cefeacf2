// The linear-time regular expressions agree with JavaScript's own and do not hang where those do.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern } from "../../../src/rewards/pattern/compile-pattern.ts";
import { RewardSpec } from "../../../src/rewards/reward-spec.ts";
import { reward } from "./support.ts";

const none = { i: false, m: false, s: false };

function test(pattern: string, text: string, flags = none): boolean {
  const compiled = compilePattern(pattern, flags);
  if (!compiled.ok) {
    throw new Error(compiled.error);
  }
  return compiled.value.test(text);
}

const atom = fc.constantFrom(
  "a",
  "b",
  ".",
  "\\d",
  "[ab]",
  "[^a]",
  "\\b",
  "\\B",
  "^",
  "$",
  "\\n",
  "\\u{61}",
  "é",
  "\\p{L}",
);
const tree = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small" },
    atom,
    fc.tuple(tie("node"), tie("node")).map(([left, right]) => left + right),
    fc.tuple(tie("node"), tie("node")).map(([left, right]) => `(?:${left}|${right})`),
    fc
      .tuple(tie("node"), fc.constantFrom("*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?"))
      .map(([of, sign]) => `(${of})${sign}`),
  ),
})).node;

describe("a pattern", () => {
  it("matches as JavaScript's engine does", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "A", "1", " ", "\n", "é", "ß"), maxLength: 8 });
    const flags = fc.record({ i: fc.boolean(), m: fc.boolean(), s: fc.boolean() });
    fc.assert(
      fc.property(tree, text, flags, (pattern, given, chosen) => {
        const letters = Object.entries(chosen).flatMap(([name, on]) => (on ? [name] : []));
        const compiled = compilePattern(pattern, chosen);
        fc.pre(compiled.ok);
        expect(test(pattern, given, chosen)).toBe(new RegExp(pattern, `u${letters.join("")}`).test(given));
      }),
      { numRuns: 1000 },
    );
  });

  it("takes a character outside the basic plane for one", () => {
    expect(test("^.$", "😀")).toBe(true);
    expect(test("^\\uD83D\\uDE00{2}$", "😀😀")).toBe(true);
    expect(test("^[😀-😂]$", "😁")).toBe(true);
    expect(test("^..$", "😀")).toBe(false);
  });

  it.each([
    ["(a+)+$", "a".repeat(16_000) + "!"],
    ["(a|a)*b", "a".repeat(16_000)],
    ["(.*)(.*)(.*)(.*)x", "a".repeat(16_000)],
    ["(\\d+\\s*)+z", "1 ".repeat(8_000)],
  ])("%s comes to an end on a hostile text", (pattern, text) => {
    expect(test(pattern, text)).toBe(false);
  });

  it.each([
    ["(a)\\1", "backreferences"],
    ["(?<x>a)\\k<x>", "backreferences"],
    ["a(?=b)", "look-ahead"],
    ["(?<!a)b", "look-behind"],
    ["(a", "Unterminated group"],
    ["(?:a{30}){30}", "500 states"],
    ["(".repeat(60) + ")".repeat(60), "nested deeper"],
  ])("%s is refused in the spec: %s", (pattern, reason) => {
    const parsed = RewardSpec.safeParse({ kind: "regex", pattern });
    expect(parsed.success).toBe(false);
    expect(parsed.error?.issues[0]?.message).toContain(reason);
    expect(parsed.error?.issues[0]?.path).toEqual(["pattern"]);
  });

  it("is looked for in the final answer, with its flags", () => {
    expect(reward({ kind: "regex", pattern: "^par.s$", flags: "i" }, "Rome? <answer>PARIS</answer>").value).toBe(1);
    expect(reward({ kind: "regex", pattern: "^par.s$" }, "<answer>PARIS</answer>").value).toBe(0);
    expect(reward({ kind: "regex", pattern: "Rome" }, "Rome? <answer>PARIS</answer>").value).toBe(0);
  });
});
