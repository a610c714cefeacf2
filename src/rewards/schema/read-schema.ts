// The JSON Schema (draft 2020-12) keywords that the reward understands. A keyword that it does not know is refused, so
// that no schema is silently weaker than it reads. References stay within the schema; `format` is a note, as by default.

import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import { toPattern } from "../regex.ts";

const TypeName = z.enum(["null", "boolean", "object", "array", "number", "string", "integer"]);
export type TypeName = z.infer<typeof TypeName>;

export type SchemaNode = boolean | SchemaObject;

export interface SchemaObject {
  readonly type?: TypeName | readonly TypeName[] | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: SchemaNode | undefined;
  readonly items?: SchemaNode | undefined;
  readonly prefixItems?: readonly SchemaNode[] | undefined;
  readonly pattern?: string | undefined;
  readonly uniqueItems?: boolean | undefined;
  readonly allOf?: readonly SchemaNode[] | undefined;
  readonly anyOf?: readonly SchemaNode[] | undefined;
  readonly oneOf?: readonly SchemaNode[] | undefined;
  readonly not?: SchemaNode | undefined;
  readonly if?: SchemaNode | undefined;
  readonly then?: SchemaNode | undefined;
  readonly else?: SchemaNode | undefined;
  readonly $ref?: string | undefined;
  readonly $defs?: Readonly<Record<string, SchemaNode>> | undefined;
  readonly definitions?: Readonly<Record<string, SchemaNode>> | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly multipleOf?: number | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly minItems?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly minProperties?: number | undefined;
  readonly maxProperties?: number | undefined;
}

const maxSchemaLength = 32 * 1024;
const maxDepth = 32;

const Node: z.ZodType<SchemaNode> = z.lazy(() => z.union([z.boolean(), Keywords]));
const nodes = z.array(Node).min(1);
const named = z.record(z.string(), Node);
const count = z.int().min(0).optional();
const limit = z.number().optional();
const notes = ["$schema", "$id", "$comment", "title", "description", "default", "examples", "format"] as const;

const Keywords: z.ZodType<SchemaObject> = z.strictObject({
  type: z.union([TypeName, z.array(TypeName).min(1)]).optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  properties: named.optional(),
  required: z.array(z.string()).optional(),
  additionalProperties: Node.optional(),
  items: Node.optional(),
  prefixItems: nodes.optional(),
  pattern: z
    .string()
    .superRefine((pattern, context) => {
      const compiled = toPattern(pattern, "");
      if (!compiled.ok) {
        context.addIssue({ code: "custom", message: compiled.error });
      }
    })
    .optional(),
  uniqueItems: z.boolean().optional(),
  allOf: nodes.optional(),
  anyOf: nodes.optional(),
  oneOf: nodes.optional(),
  not: Node.optional(),
  if: Node.optional(),
  // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema; it is never awaited
  then: Node.optional(),
  else: Node.optional(),
  $ref: z.string().optional(),
  $defs: named.optional(),
  definitions: named.optional(),
  minimum: limit,
  maximum: limit,
  exclusiveMinimum: limit,
  exclusiveMaximum: limit,
  multipleOf: z.number().gt(0).optional(),
  minLength: count,
  maxLength: count,
  minItems: count,
  maxItems: count,
  minProperties: count,
  maxProperties: count,
  ...Object.fromEntries(notes.map((name) => [name, z.unknown().optional()])),
});

/** The error is one line that names the place. */
export function readSchema(value: unknown): Result<SchemaNode, string> {
  if (depthOf(value) > maxDepth || JSON.stringify(value).length > maxSchemaLength) {
    return err(`a schema has at most ${maxSchemaLength} characters and ${maxDepth} levels`);
  }
  const parsed = Node.safeParse(value);
  if (!parsed.success) {
    return err(firstIssue(parsed.error.issues, []));
  }
  const missing = refsOf(value).find((ref) => resolveRef(parsed.data, ref) === null);
  return missing === undefined
    ? ok(parsed.data)
    : err(`$ref ${missing} leads nowhere: only #, #/$defs/<name> and #/definitions/<name> are known`);
}

export function resolveRef(root: SchemaNode, ref: string): SchemaNode | null {
  if (ref === "#") {
    return root;
  }
  const [hash, container, name, ...more] = ref.split("/");
  if (hash !== "#" || name === undefined || more.length > 0 || typeof root === "boolean") {
    return null;
  }
  const defined = container === "$defs" ? root.$defs : container === "definitions" ? root.definitions : undefined;
  return defined !== undefined && Object.hasOwn(defined, name) ? (defined[name] ?? null) : null;
}

/** Levels of nesting, counted without recursion since the value may be as deep as JSON can be. */
export function depthOf(value: unknown): number {
  let level = [value];
  let depth = 0;
  while (level.length > 0 && depth <= 1000) {
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
    depth += 1;
  }
  return depth;
}

/** Every `$ref` with a text; one inside an `enum` or `const` would be a name, which nobody uses there. */
function refsOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) {
    return [];
  }
  return Object.entries(value).flatMap(([key, member]) =>
    key === "$ref" && typeof member === "string" ? [member] : refsOf(member),
  );
}

/** Inside a union the branch that got furthest says what is wrong. */
function firstIssue(issues: readonly z.core.$ZodIssue[], path: readonly PropertyKey[]): string {
  const [issue] = issues;
  if (issue === undefined) {
    return "not a JSON Schema";
  }
  const place = [...path, ...issue.path];
  if (issue.code === "invalid_union") {
    const inner = issue.errors.find(
      (branch) => !branch.some((one) => one.code === "invalid_type" && one.path.length === 0),
    );
    return firstIssue(inner ?? issue.errors.at(-1) ?? [], place);
  }
  return place.length === 0 ? issue.message : `${place.join(".")}: ${issue.message}`;
}
