// Puts references where an OpenAPI document repeats one of its named schemas. The generator names only schemas
// that were marked when they were made, and the agent's know nothing of OpenAPI.

import * as z from "zod";
import { canonicalJson } from "../lib/canonical-json.ts";

const WithSchemas = z.looseObject({ components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }) });

function replace(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const name = names.get(canonicalJson(value));
  return name === undefined ? replaceInside(value, names) : { $ref: `#/components/schemas/${name}` };
}

function replaceInside(value: object, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => replace(item, names));
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, replace(member, names)]));
}

export function nameSchemas(document: object): Record<string, unknown> {
  const { components, ...rest } = WithSchemas.parse(JSON.parse(JSON.stringify(document)));
  const names = new Map(Object.entries(components.schemas).map(([name, schema]) => [canonicalJson(schema), name]));
  // A named schema may use the others, but not itself.
  const schemas = Object.entries(components.schemas).map(([name, schema]) => [
    name,
    typeof schema === "object" && schema !== null ? replaceInside(schema, names) : schema,
  ]);
  return {
    ...Object.fromEntries(Object.entries(rest).map(([key, member]) => [key, replace(member, names)])),
    components: { ...components, schemas: Object.fromEntries(schemas) },
  };
}
