// A JSON Schema as a few lines that people can read, close to a TypeScript type. It covers what this API's own
// schemas use; anything else shows as `any`.

import * as z from "zod";

const Schema = z.object({
  $ref: z.string().optional(),
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  default: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).default([]),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  oneOf: z.array(z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  maxItems: z.number().optional(),
});
type Schema = z.infer<typeof Schema>;

/** JavaScript's largest safe integer bounds every integer and tells readers nothing. */
function rangeText(schema: Schema): string {
  const shown = (value: number | undefined) =>
    value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? "" : String(value);
  const low = shown(schema.minimum ?? schema.minLength);
  const high = shown(schema.maximum ?? schema.maxLength ?? schema.maxItems);
  return low === "" && high === "" ? "" : ` (${low}..${high})`;
}

function objectText(schema: Schema, indent: string): string {
  const inner = `${indent}  `;
  const members = Object.entries(schema.properties ?? {}).map(([name, member]) => {
    const optional = schema.required.includes(name) ? "" : "?";
    const description = Schema.safeParse(member).data?.description;
    const comment = description === undefined ? "" : `  // ${description}`;
    return `${inner}${name}${optional}: ${schemaText(member, inner)}${comment}`;
  });
  if (members.length > 0) {
    return `{\n${members.join("\n")}\n${indent}}`;
  }
  return schema.additionalProperties === undefined || schema.additionalProperties === false
    ? "{}"
    : `{ [name]: ${schemaText(schema.additionalProperties, indent)} }`;
}

function typeText(type: string, schema: Schema, indent: string): string {
  switch (type) {
    case "object":
      return objectText(schema, indent);
    case "array":
      return `${schemaText(schema.items, indent)}[]${rangeText(schema)}`;
    default:
      return `${type}${rangeText(schema)}`;
  }
}

function schemaText(value: unknown, indent: string): string {
  const parsed = Schema.safeParse(value);
  if (!parsed.success) {
    return "any";
  }
  const schema = parsed.data;
  if (schema.$ref !== undefined) {
    return schema.$ref.replace("#/components/schemas/", "");
  }
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives !== undefined) {
    return alternatives.map((alternative) => schemaText(alternative, indent)).join(" | ");
  }
  const literals = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (literals !== undefined) {
    return literals.map((literal) => JSON.stringify(literal)).join(" | ") + defaultText(schema);
  }
  const types = schema.type === undefined ? ["any"] : [schema.type].flat();
  return types.map((type) => typeText(type, schema, indent)).join(" | ") + defaultText(schema);
}

function defaultText(schema: Schema): string {
  return schema.default === undefined ? "" : ` = ${JSON.stringify(schema.default)}`;
}

export function describeSchema(schema: unknown): string {
  return schemaText(schema, "");
}
