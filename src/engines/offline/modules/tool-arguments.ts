// Fills a tool's arguments from its JSON Schema and the question: texts get the question, numbers the least that
// is allowed. It does what a schema's types say and understands no description.

import * as z from "zod";

const Schema = z.looseObject({
  type: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  enum: z.array(z.unknown()).optional(),
  default: z.unknown().optional(),
  minimum: z.number().optional(),
  maxLength: z.number().optional(),
  items: z.unknown().optional(),
});

/** Schemas may nest; what is deeper than this gets null. */
const maxDepth = 6;

export function fillArguments(schema: unknown, query: string): unknown {
  return fill({ type: "object", ...asObject(schema) }, "", query, 0);
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

function fill(value: unknown, name: string, query: string, depth: number): unknown {
  const parsed = Schema.safeParse(value);
  if (!parsed.success || depth > maxDepth) {
    return null;
  }
  const schema = parsed.data;
  if (schema.default !== undefined || (schema.enum?.length ?? 0) > 0) {
    return schema.default ?? schema.enum?.[0];
  }
  switch (schema.type) {
    case "object":
      return fillObject(schema.properties ?? {}, schema.required ?? [], query, depth);
    case "array":
      return [fill(schema.items ?? { type: "string" }, name, query, depth + 1)];
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return false;
    case "null":
      return null;
    default:
      return fillText(name, query).slice(0, schema.maxLength);
  }
}

/** Required properties only; a schema that requires nothing gets its first property. */
function fillObject(
  properties: Record<string, unknown>,
  required: readonly string[],
  query: string,
  depth: number,
): unknown {
  const names = required.length > 0 ? required : Object.keys(properties).slice(0, 1);
  return Object.fromEntries(names.map((name) => [name, fill(properties[name] ?? {}, name, query, depth + 1)]));
}

function fillText(name: string, query: string): string {
  const url = /ur[il]/i.test(name) ? query.match(/https?:\/\/[^\s<>"')]{1,2000}/)?.[0] : undefined;
  return url ?? query;
}
