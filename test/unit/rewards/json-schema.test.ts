// JSON Schema: each keyword, the fence around the answer, and what is refused in a schema.

import { describe, expect, it } from "vitest";
import { RewardSpec } from "../../../src/rewards/reward-spec.ts";
import { reward } from "./support.ts";

type Schema = Record<string, unknown>;
const score = (schema: Schema | boolean, answer: string): number =>
  reward({ kind: "json_schema", schema }, answer).value;

const list = {
  $ref: "#/$defs/list",
  $defs: {
    list: {
      type: "object",
      required: ["next"],
      properties: { next: { anyOf: [{ type: "null" }, { $ref: "#/$defs/list" }] } },
    },
  },
};

describe("json_schema", () => {
  const cases: readonly (readonly [Schema | boolean, string, string])[] = [
    [{ type: "object", required: ["a"] }, '{"a":1}', "{}"],
    [{ required: ["toString"] }, '{"toString":1}', "{}"],
    [{ properties: { a: { type: "integer" } } }, '{"a":1}', '{"a":1.5}'],
    [{ properties: { a: true }, additionalProperties: false }, '{"a":1}', '{"b":1}'],
    [{ type: ["string", "null"] }, "null", "1"],
    [{ enum: [{ a: [1] }, 2] }, '{"a":[1]}', '{"a":[1,2]}'],
    [{ const: null }, "null", "0"],
    [{ minimum: 1, exclusiveMaximum: 2 }, "1", "2"],
    [{ multipleOf: 0.1 }, "0.3", "0.35"],
    [{ minLength: 2, maxLength: 2 }, '"😀a"', '"😀"'],
    [{ pattern: "^a+$" }, '"aa"', '"ab"'],
    [{ type: "array", items: { type: "number" }, minItems: 1 }, "[1,2]", '[1,"2"]'],
    [{ prefixItems: [{ type: "string" }], items: false }, '["a"]', '["a",1]'],
    [{ uniqueItems: true }, '[{"a":1,"b":2},{"a":1}]', '[{"a":1,"b":2},{"b":2,"a":1}]'],
    [{ minProperties: 1 }, '{"a":1}', "{}"],
    [{ oneOf: [{ type: "number" }, { minimum: 5 }] }, "1", "7"],
    [{ allOf: [{ minimum: 1 }, { maximum: 2 }] }, "1", "3"],
    [{ not: { type: "string" } }, "1", '"a"'],
    // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema; it is never awaited
    [{ if: { type: "string" }, then: { minLength: 2 }, else: { type: "number" } }, '"ab"', '"a"'],
    [list, '{"next":{"next":null}}', '{"next":{"next":1}}'],
    [true, "1", "{a:1}"],
    [{}, '```json\n{"a":1}\n```', 'Here it is: {"a":1}'],
    [{}, '<answer>{"a":1}</answer>', ""],
  ];
  it.each(cases)("%j accepts %s and not %s", (schema, right, wrong) => {
    expect(score(schema, right)).toBe(1);
    expect(score(schema, wrong)).toBe(0);
  });

  it.each<[Schema, string]>([
    [{ type: "text" }, "type"],
    [{ unevaluatedProperties: false }, "unevaluatedProperties"],
    [{ properties: { a: { contains: {} } } }, "contains"],
    [{ $ref: "https://example.com/schema" }, "leads nowhere"],
    [{ $ref: "#/$defs/__proto__", $defs: {} }, "leads nowhere"],
    [{ pattern: "(a)\\1" }, "backreferences"],
    [{ enum: Array.from({ length: 20_000 }, (_, index) => index) }, "at most"],
  ])("refuses the schema %j", (schema, reason) => {
    const parsed = RewardSpec.safeParse({ kind: "json_schema", schema });
    expect(parsed.error?.issues[0]?.message).toContain(reason);
    expect(parsed.error?.issues[0]?.path).toEqual(["schema"]);
  });

  it("gives 0 where the work would never end", () => {
    expect(score({ $ref: "#" }, "1")).toBe(0);
    expect(score({ not: { $ref: "#" } }, "1")).toBe(0);
    const both = { anyOf: [{ $ref: "#/$defs/x" }, { $ref: "#/$defs/x" }] };
    expect(
      score({ ...both, $defs: { x: { items: both, type: "array" } } }, "[".repeat(90) + "1" + "]".repeat(90)),
    ).toBe(0);
    expect(score({}, "[".repeat(100_000) + "]".repeat(100_000))).toBe(0);
  });
});
