// Values for a JSON Schema of the OpenAPI document: mostly right, sometimes with one part replaced or added, so
// that requests get past the first check and fail at the others. It covers the keywords that the document uses.

import * as fc from "fast-check";
import * as z from "zod";

const Schema = z.looseObject({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).default([]),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  pattern: z.string().optional(),
  minimum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  oneOf: z.array(z.unknown()).min(1).optional(),
});
type Schema = z.infer<typeof Schema>;

/** Half a surrogate pair is what no store takes for text, and what JSON can write all the same. */
const halves = fc.constantFrom("\ud800", "a\udfff", "\udc00\ud800");
const text = fc.oneof(
  { weight: 9, arbitrary: fc.string() },
  { weight: 9, arbitrary: fc.string({ unit: "binary" }) },
  { weight: 1, arbitrary: halves },
);
/** What the other kinds are replaced by. */
const wrong = fc.oneof(
  fc.constantFrom(null, "", 0, -1, 1.5, 1e308, [], {}, true),
  text,
  fc.array(fc.integer(), { maxLength: 3 }),
);

/** Values for members of these names that the schema cannot know, e.g. of tools that exist. */
export type Hints = Readonly<Record<string, fc.Arbitrary<unknown>>>;

function resolve(ref: string, document: unknown): unknown {
  const step = (value: unknown, name: string): unknown =>
    typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return ref.replace("#/", "").split("/").reduce(step, document);
}

function objectOf(schema: Schema, document: unknown, hints: Hints): fc.Arbitrary<unknown> {
  const members = Object.entries(schema.properties ?? {}).map(([name, member]) => {
    const hint = hints[name];
    const any = arbitraryOf(member, document, hints);
    const arbitrary =
      hint === undefined ? any : fc.oneof({ weight: 9, arbitrary: hint }, { weight: 1, arbitrary: any });
    return [name, arbitrary] as const;
  });
  if (members.length === 0) {
    const values =
      schema.additionalProperties === undefined || schema.additionalProperties === false
        ? wrong
        : arbitraryOf(schema.additionalProperties, document, hints);
    const named = (names: fc.Arbitrary<string>) => fc.dictionary(names, values, { maxKeys: 18 });
    return fc.oneof(
      { weight: 9, arbitrary: named(fc.string({ maxLength: 70 })) },
      { weight: 1, arbitrary: named(fc.oneof(fc.string(), halves)) },
    );
  }
  const known = fc.record(Object.fromEntries(members), { requiredKeys: schema.required });
  // The more members there are, the less likely it is that all of them are right.
  const least = fc.record(Object.fromEntries(members.filter(([name]) => schema.required.includes(name))));
  const extra = fc.dictionary(fc.constantFrom("extra", "__proto__", "constructor", ""), wrong, { maxKeys: 1 });
  return fc.oneof(
    { weight: 7, arbitrary: known },
    { weight: 2, arbitrary: least },
    { weight: 1, arbitrary: fc.tuple(known, extra).map(([left, right]) => ({ ...left, ...right })) },
  );
}

function stringOf({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  const plain = fc.string({ minLength, maxLength: Math.max(minLength, Math.min(40, maxLength)) });
  // What looks ahead is more than the library can make a text for.
  if (pattern === undefined || pattern.includes("(?!")) {
    return plain;
  }
  return fc.oneof({ weight: 9, arbitrary: fc.stringMatching(new RegExp(pattern)) }, { weight: 1, arbitrary: plain });
}

function rightOf(schema: Schema, type: string, document: unknown, hints: Hints): fc.Arbitrary<unknown> {
  const bound = (value: number | undefined, otherwise: number) => Math.max(-1e9, Math.min(1e9, value ?? otherwise));
  switch (type) {
    case "object":
      return objectOf(schema, document, hints);
    case "array":
      return fc.array(arbitraryOf(schema.items, document, hints), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(4, schema.maxItems ?? 4),
      });
    case "string":
      return stringOf(schema);
    case "integer":
      return fc.integer({ min: bound(schema.minimum, -10), max: bound(schema.maximum, 1000) });
    case "number": {
      const min = bound(schema.minimum ?? schema.exclusiveMinimum, -10);
      const minExcluded = schema.exclusiveMinimum !== undefined;
      return fc.double({ min, minExcluded, max: bound(schema.maximum, 1000), noNaN: true });
    }
    case "boolean":
      return fc.boolean();
    default:
      return wrong;
  }
}

export function arbitraryOf(value: unknown, document: unknown, hints: Hints = {}): fc.Arbitrary<unknown> {
  const parsed = Schema.safeParse(value);
  if (!parsed.success) {
    return wrong;
  }
  const schema = parsed.data;
  if (schema.$ref !== undefined) {
    return arbitraryOf(resolve(schema.$ref, document), document, hints);
  }
  if (schema.oneOf !== undefined) {
    return fc.oneof(...schema.oneOf.map((one) => arbitraryOf(one, document, hints)));
  }
  const types = schema.type === undefined ? ["any"] : [schema.type].flat();
  const right =
    schema.enum === undefined
      ? fc.oneof(...types.map((type) => rightOf(schema, type, document, hints)))
      : fc.constantFrom(...schema.enum);
  return fc.oneof({ weight: 40, arbitrary: right }, { weight: 1, arbitrary: wrong });
}
