// What holds for every kind: values in range, no throw on any text, sums, and which specs are refused.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PureRewardSpec, RewardSpec } from "../../../src/rewards/reward-spec.ts";
import { scoreAnswer } from "../../../src/rewards/score.ts";
import { errorCode, reward, type SpecInput } from "./support.ts";

const specs: readonly SpecInput[] = [
  { kind: "exact" },
  { kind: "f1" },
  { kind: "number", unit: "km" },
  { kind: "number", tolerance: { relative: 0.5 } },
  { kind: "math" },
  { kind: "choice" },
  { kind: "choice", options: ["1", "12", "x"] },
  { kind: "expression", target: 24, numbers: [1, 2, 3, 4] },
  { kind: "regex", pattern: "(?:a|b)*c$", flags: "im" },
  { kind: "json_schema", schema: { type: "array", items: { enum: [1, "a"] } } },
  {
    kind: "sum",
    parts: [
      { weight: 0.5, kind: "f1" },
      { weight: 0.5, kind: "math" },
    ],
  },
];

const shards = fc.constantFrom(
  ..."0123456789+-*/^().,%$[]{}\\|=<>!_ \n".split(""),
  ..."\\frac \\sqrt \\boxed{ <answer> </answer> \\text{ \\{ \\cup \\binom x e \\pi 1e400 1/0 km °C √ ² ⁻ 😀 \uD800".split(
    " ",
  ),
);
const texts = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(shards, { maxLength: 60 }).map((parts) => parts.join("")),
);

describe("every kind", () => {
  it.each(specs)("$kind gives 0 to 1 and never throws, whatever the answer", (input) => {
    const spec = PureRewardSpec.parse(input);
    fc.assert(
      fc.property(texts, texts, (answer, gold) => {
        const scored = scoreAnswer(spec, { answer, answers: [gold, "12"], query: gold });
        const { value, kind, components } = scored.ok ? scored.value : { value: 0, kind: spec.kind, components: {} };
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        expect(Object.values(components).every(Number.isFinite)).toBe(true);
        expect(kind).toBe(spec.kind);
      }),
      { numRuns: 300 },
    );
  });

  const long = 256 * 1024;
  const hostile = [
    "(",
    "[",
    "{",
    "9",
    "-",
    "1 ",
    "\\frac{",
    "\\boxed{",
    "<answer>",
    "a ",
    "^",
    "1+",
    "$",
    "1,000",
    "( ",
  ];
  it.each(hostile)("comes to an end on 256 KB of %j", (piece) => {
    const answer = piece.repeat(Math.ceil(long / piece.length)).slice(0, long);
    for (const input of specs) {
      const scored = scoreAnswer(PureRewardSpec.parse(input), { answer, answers: ["12", "x y"], query: answer });
      expect(scored.ok ? scored.value.value : 0).toBeLessThan(1);
    }
  });

  it.each([
    "2^{2^{2^{2^{2^9}}}}",
    "9!!!!",
    "9".repeat(399) + "^999",
    "\\sqrt[19]{" + "9".repeat(399) + "}",
    "((((x^9)^9)^9)^9)^9",
  ])("math comes to an end on %s", (formula) => {
    expect(reward({ kind: "math" }, formula, ["1"]).value).toBe(0);
  });

  it("the same outcome gives the same reward", () => {
    const once = reward({ kind: "math" }, "\\sin x + y", ["y+\\sin x"]);
    expect(reward({ kind: "math" }, "\\sin x + y", ["y+\\sin x"])).toEqual(once);
    expect(once.value).toBe(1);
  });
});

describe("sum", () => {
  const json = { kind: "json_schema", schema: {} } as const;
  it("adds its parts by weight and shows each", () => {
    const spec: SpecInput = {
      kind: "sum",
      parts: [
        { weight: 0.8, kind: "f1" },
        { weight: 0.2, kind: "regex", pattern: "^<" },
        { weight: -0.5, kind: "regex", pattern: "dog" },
        { weight: 1, kind: "sum", parts: [{ weight: 2, kind: "exact" }] },
      ],
    };
    const { value, kind, components } = reward(spec, "the cat sat", ["cat sat down"]);
    expect(kind).toBe("sum");
    expect(value).toBeCloseTo(0.64, 12);
    expect(components).toEqual({
      f1: 0.8,
      "f1.precision": 1,
      "f1.recall": 2 / 3,
      regex: 0,
      regex_2: 0,
      sum: 0,
      "sum.exact": 0,
    });
  });

  it("is the sum of the weights where every part is met", () => {
    const weights = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(weights, (given) => {
        const parts = given.map((weight) => ({ weight, kind: "exact" as const }));
        const wanted = given.reduce((total, weight) => total + weight, 0);
        expect(reward({ kind: "sum", parts }, "a", ["a"]).value).toBeCloseTo(wanted, 9);
      }),
    );
  });

  it("cannot be scored where a part cannot", () => {
    const parts = [
      { ...json, weight: 1 },
      { weight: 0, kind: "exact" as const },
    ];
    expect(errorCode({ kind: "sum", parts }, "1")).toBe("no_reference");
  });

  it("nests three levels, not four, with sixteen rewards in all", () => {
    const nest = (levels: number): unknown =>
      levels === 0 ? { kind: "exact", weight: 1 } : { kind: "sum", weight: 1, parts: [nest(levels - 1)] };
    const whole = (levels: number) => ({ kind: "sum", parts: [nest(levels - 1)] });
    const wide = { kind: "sum", weight: 1, parts: Array.from({ length: 9 }, () => nest(0)) };
    expect(PureRewardSpec.safeParse(whole(3)).success).toBe(true);
    expect(PureRewardSpec.safeParse(whole(4)).success).toBe(false);
    expect(PureRewardSpec.safeParse({ kind: "sum", parts: [wide] }).success).toBe(true);
    expect(PureRewardSpec.safeParse({ kind: "sum", parts: [wide, wide] }).success).toBe(false);
  });
});

describe("a spec", () => {
  it.each<[unknown, string]>([
    [{ kind: "guess" }, "kind must be one of"],
    [{}, "kind must be one of"],
    [{ kind: "exact", tolerance: 1 }, "tolerance"],
    [{ kind: "number", tolerance: { absolute: -1 } }, ">=0"],
    [{ kind: "regex", pattern: "a", flags: "g" }, "flags may be"],
    [{ kind: "regex", pattern: "a", flags: "ii" }, "flags may be"],
    [{ kind: "expression", target: 24, numbers: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, "<=8"],
    [{ kind: "choice", options: ["one"] }, ">=2"],
    [{ kind: "sum", parts: [] }, ">=1"],
    [{ kind: "sum", parts: [{ kind: "exact" }] }, "expected number"],
    [{ kind: "sum", parts: [{ kind: "judge", weight: 1 }] }, "judge, webhook and external stand alone"],
    [{ kind: "sum", parts: [{ kind: "sum", weight: 1, parts: [{ kind: "external", weight: 1 }] }] }, "stand alone"],
    [{ kind: "judge", instructions: "" }, ">=1"],
    [{ kind: "webhook" }, "http or https"],
    [{ kind: "webhook", url: "ftp://grader.example/" }, "http or https"],
    [{ kind: "webhook", url: "https://grader.example/", secret: "OTHER_KEY" }, "TENANT_SECRET_"],
    [{ kind: "external", value: 1 }, "value"],
  ])("%j is refused with a reason", (input, reason) => {
    expect(RewardSpec.safeParse(input).error?.issues[0]?.message).toContain(reason);
  });

  it.each([
    { kind: "judge" },
    { kind: "judge", instructions: "The unit must be named." },
    { kind: "webhook", url: "https://grader.example:8443/score?task=1", secret: "TENANT_SECRET_GRADER" },
    { kind: "external" },
  ])("$kind stands alone", (input) => {
    expect(RewardSpec.parse(input)).toEqual(input);
  });
});
