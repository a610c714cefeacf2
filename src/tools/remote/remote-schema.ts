// The JSON Schema of somebody else's arguments as the Tool port's `parameters`. The executor sees the schema with its
// references resolved; arguments are checked here against the keywords that can be checked safely, and by the server
// against all. Patterns are not run: a hostile one could hold up the isolate.

import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import { inlineSchema, isRecord } from "./inline-schema.ts";

export type RemoteArguments = Readonly<Record<string, unknown>>;

/** A card's schema; it stands in every prompt of a run. */
const maxSchemaChars = 16_384;

/** Keywords that cost no more than the value's size, and mean the same to every validator. */
const checked = new Set([
  "type",
  "enum",
  "const",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "minLength",
  "maxLength",
  "minItems",
  "maxItems",
  "required",
]);
const checkedNodes = new Set(["items", "additionalProperties"]);
const checkedLists = new Set(["anyOf", "allOf", "prefixItems"]);

/** `root`: what the schema's references are relative to. The error says why the tool cannot be offered. */
export function toParameters(schema: unknown, root: unknown): Result<z.ZodType<RemoteArguments>, string> {
  const inlined = inlineSchema(schema, root);
  if (!isRecord(inlined) || (inlined["type"] !== "object" && inlined["type"] !== undefined)) {
    return err("its arguments are not an object");
  }
  // Zod would take an `id` for the name of a schema to share.
  const { id: _id, ...members } = inlined;
  const shown = { ...members, type: "object" };
  if (JSON.stringify(shown).length > maxSchemaChars) {
    return err(`its schema has more than ${maxSchemaChars} characters`);
  }
  // Made by the first call: most tools of a list are never called, and what checks takes more room than its schema.
  let check: z.ZodType | null | undefined;
  return ok(
    z
      .looseObject({})
      .check(({ value, issues }) => {
        check = check === undefined ? toCheck(shown) : check;
        for (const { code, message, path, input } of check?.safeParse(value, inputs).error?.issues ?? []) {
          // What is missing is told apart by its input.
          issues.push(
            code === "invalid_type" && input === undefined
              ? { code, expected: "unknown", message, path, input }
              : { code: "custom", message, path, input: value },
          );
        }
      })
      .meta(shown),
  );
}

const inputs = { reportInput: true };

/** Null for a schema that nobody but its server can check. */
function toCheck(shown: Readonly<Record<string, unknown>>): z.ZodType | null {
  try {
    return z.fromJSONSchema(checkable(shown));
  } catch {
    return null;
  }
}

function checkable(schema: Readonly<Record<string, unknown>>): z.core.JSONSchema.JSONSchema {
  return Object.fromEntries(
    Object.entries(schema).flatMap(([keyword, value]) => {
      if (checked.has(keyword)) {
        return [[keyword, value]];
      }
      if (checkedNodes.has(keyword)) {
        return [[keyword, checkableNode(value)]];
      }
      if (checkedLists.has(keyword) && Array.isArray(value)) {
        return [[keyword, value.map(checkableNode)]];
      }
      if (keyword === "properties" && isRecord(value)) {
        return [
          [keyword, Object.fromEntries(Object.entries(value).map(([name, node]) => [name, checkableNode(node)]))],
        ];
      }
      // One branch at most may fit; that at least one does is what can be said without running the others' patterns.
      return keyword === "oneOf" && Array.isArray(value) ? [["anyOf", value.map(checkableNode)]] : [];
    }),
  );
}

function checkableNode(node: unknown) {
  return isRecord(node) ? checkable(node) : node !== false;
}
