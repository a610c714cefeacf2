// The operations of an OpenAPI document as they are called: method, path, and one flat object of arguments, each with
// its place in the request. An operation that needs what a tool cannot give (a cookie, a file) is left out by name.

import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";
import { isRecord, resolvePointer } from "../remote/inline-schema.ts";
import type { SkippedTool } from "../remote/tool-source.ts";
import type { OpenApiDocument } from "./parse-document.ts";

export const methods = ["get", "head", "post", "put", "patch", "delete"] as const;
export type Method = (typeof methods)[number];

export interface OperationArgument {
  /** In the tool's arguments. */
  readonly key: string;
  /** In the request. */
  readonly name: string;
  readonly place: "path" | "query" | "header" | "body";
  readonly isRequired: boolean;
  readonly schema: unknown;
  readonly description: string;
  /** How a list or an object is written into a query. */
  readonly style: "repeat" | "comma" | "deep";
}

export interface Operation {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly description: string;
  readonly arguments: readonly OperationArgument[];
  readonly bodyType: "json" | "form" | null;
  /** The operation has an `Idempotency-Key` header. */
  readonly takesKey: boolean;
}

const RawParameter = z.looseObject({
  name: z.string().min(1).max(200),
  in: z.enum(["path", "query", "header", "cookie"]),
  required: z.boolean().catch(false),
  description: z.string().catch(""),
  schema: z.unknown().optional(),
  style: z.string().optional().catch(undefined),
  explode: z.boolean().optional().catch(undefined),
});
type RawParameter = z.infer<typeof RawParameter>;

const RawOperation = z.looseObject({
  operationId: z.string().optional().catch(undefined),
  summary: z.string().catch(""),
  description: z.string().catch(""),
  parameters: z.array(z.unknown()).catch([]),
  requestBody: z.unknown().optional(),
});

const RawBody = z.looseObject({
  required: z.boolean().catch(false),
  description: z.string().catch(""),
  content: z.record(z.string(), z.looseObject({ schema: z.unknown().optional() })).catch({}),
});

/** Headers that belong to the request itself, not to its caller (OpenAPI 3.1, parameter object). */
const ownHeaders = new Set(["accept", "content-type", "authorization", "host", "cookie", "content-length"]);
const keyHeader = "idempotency-key";

export function readOperations(document: OpenApiDocument): { operations: Operation[]; skipped: SkippedTool[] } {
  const operations: Operation[] = [];
  const skipped: SkippedTool[] = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of methods) {
      const raw = RawOperation.safeParse(item[method]);
      if (raw.success) {
        const id = raw.data.operationId ?? `${method}_${path.replaceAll(/[^A-Za-z0-9]+/g, "_")}`;
        const shared = Array.isArray(item["parameters"]) ? item["parameters"] : [];
        const read = readOperation(document, { id, method, path, shared, raw: raw.data });
        if (read.ok) {
          operations.push(read.value);
        } else {
          skipped.push({ name: id.slice(0, 128), reason: read.error });
        }
      }
    }
  }
  return { operations, skipped };
}

interface Place {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  /** Parameters of all operations of the path. */
  readonly shared: readonly unknown[];
  readonly raw: z.infer<typeof RawOperation>;
}

function readOperation(document: OpenApiDocument, { id, method, path, shared, raw }: Place): Result<Operation, string> {
  const parameters = mergeParameters(document, [...shared, ...raw.parameters]);
  const cookie = parameters.find((parameter) => parameter.in === "cookie" && parameter.required);
  if (cookie !== undefined) {
    return err(`it needs the cookie ${cookie.name}`);
  }
  const unnamed = [...path.matchAll(/\{([^}]*)\}/g)].find(
    ([, name]) => !parameters.some((parameter) => parameter.in === "path" && parameter.name === name),
  );
  if (unnamed !== undefined) {
    return err(`its path has ${unnamed[0]}, which is no parameter`);
  }
  const body = readBody(document, raw.requestBody);
  if (!body.ok) {
    return body;
  }
  return ok({
    id,
    method,
    path,
    description: [raw.summary, raw.description].filter((text) => text !== "").join("\n") || `${method} ${path}`,
    arguments: toArguments(parameters, body.value),
    bodyType: body.value?.type ?? null,
    takesKey: parameters.some((parameter) => isHeader(parameter, (name) => name === keyHeader)),
  });
}

/** Those of the operation replace those of the path with the same name and place. */
function mergeParameters(document: OpenApiDocument, raw: readonly unknown[]): RawParameter[] {
  const merged = new Map<string, RawParameter>();
  for (const one of raw) {
    const parameter = RawParameter.safeParse(resolve(document, one));
    if (parameter.success) {
      merged.set(`${parameter.data.in} ${parameter.data.name}`, parameter.data);
    }
  }
  return [...merged.values()];
}

function isHeader(parameter: RawParameter, test: (name: string) => boolean): boolean {
  return parameter.in === "header" && test(parameter.name.toLowerCase());
}

function resolve(document: OpenApiDocument, value: unknown): unknown {
  const ref = isRecord(value) ? value["$ref"] : undefined;
  return typeof ref === "string" ? resolvePointer(document, ref) : value;
}

interface Body {
  readonly type: "json" | "form";
  readonly isRequired: boolean;
  readonly schema: unknown;
  readonly description: string;
}

function readBody(document: OpenApiDocument, raw: unknown): Result<Body | null, string> {
  const parsed = RawBody.safeParse(resolve(document, raw));
  const types = parsed.success ? Object.keys(parsed.data.content) : [];
  if (!parsed.success || types.length === 0) {
    return ok(null);
  }
  const json = types.find((type) => /^application\/(\S+\+)?json\b/i.test(type));
  const chosen = json ?? types.find((type) => /^application\/x-www-form-urlencoded\b/i.test(type));
  if (chosen === undefined) {
    return parsed.data.required ? err(`its body is ${types[0] ?? "unknown"}`) : ok(null);
  }
  const { required, description, content } = parsed.data;
  const type = chosen === json ? "json" : "form";
  return ok({ type, isRequired: required, schema: content[chosen]?.schema ?? {}, description });
}

function toArguments(parameters: readonly RawParameter[], body: Body | null): OperationArgument[] {
  const given = parameters.flatMap((parameter): Omit<OperationArgument, "key">[] =>
    parameter.in === "cookie" || isHeader(parameter, (name) => ownHeaders.has(name) || name === keyHeader)
      ? []
      : [
          {
            name: parameter.name,
            place: parameter.in,
            isRequired: parameter.required || parameter.in === "path",
            schema: parameter.schema ?? {},
            description: parameter.description,
            style: styleOf(parameter),
          },
        ],
  );
  const sent = body === null ? [] : [{ name: "body", place: "body" as const, style: "comma" as const, ...body }];
  const taken = new Set<string>();
  return [...given, ...sent].map((argument) => {
    const key = taken.has(argument.name) ? `${argument.place}_${argument.name}` : argument.name;
    taken.add(key);
    const { name, place, isRequired, schema, description, style } = argument;
    return { key, name, place, isRequired, schema, description, style };
  });
}

function styleOf({ style, explode }: RawParameter): OperationArgument["style"] {
  if (style === "deepObject") {
    return "deep";
  }
  // In a query `form` with `explode` is the default.
  return (style ?? "form") === "form" && (explode ?? true) ? "repeat" : "comma";
}
