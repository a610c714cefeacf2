// Whether a JSON value fits a schema that `readSchema` accepted. It says yes or no, and gives up with no after a number
// of steps, since references can make a small schema arbitrarily much work.

import { canonicalJson } from "../../lib/canonical-json.ts";
import { decimalFraction, divideFractions } from "../../lib/fraction.ts";
import type { Pattern } from "../pattern/compile-pattern.ts";
import { toPattern } from "../regex.ts";
import { depthOf, resolveRef, type SchemaNode, type SchemaObject, type TypeName } from "./read-schema.ts";

/** One step is one schema applied to one value. */
const maxSteps = 50_000;
/** Deeper values earn nothing: every level is a level of recursion here. */
const maxDepth = 100;
/** Schemas that refer to each other without taking the value apart. */
const maxCalls = 500;

interface Job {
  readonly root: SchemaNode;
  readonly patterns: Map<string, Pattern | null>;
  steps: number;
  calls: number;
}

export function fitsSchema(root: SchemaNode, value: unknown): boolean {
  return depthOf(value) <= maxDepth && applyBounded({ root, patterns: new Map(), steps: 0, calls: 0 }, value);
}

/** Out of steps is a no for the whole, even inside a `not`. */
function applyBounded(job: Job, value: unknown): boolean {
  const fits = apply(job, job.root, value);
  return fits && job.steps <= maxSteps && job.calls <= maxCalls;
}

function apply(job: Job, schema: SchemaNode, value: unknown): boolean {
  job.steps += 1;
  if (typeof schema === "boolean") {
    return schema;
  }
  if (job.steps > maxSteps || job.calls > maxCalls) {
    return false;
  }
  job.calls += 1;
  const fits =
    fitsValue(schema, value) &&
    (typeof value !== "number" || fitsNumber(schema, value)) &&
    (typeof value !== "string" || fitsString(job, schema, value)) &&
    (!Array.isArray(value) || fitsArray(job, schema, value)) &&
    (!isObject(value) || fitsObject(job, schema, value)) &&
    fitsOthers(job, schema, value);
  // What ran too deep stays so.
  job.calls -= job.calls > maxCalls ? 0 : 1;
  return fits;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isType(value: unknown, type: TypeName): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

function fitsValue(schema: SchemaObject, value: unknown): boolean {
  const types = schema.type === undefined || typeof schema.type === "string" ? schema.type : [...schema.type];
  const typed = types === undefined || [types].flat().some((type) => isType(value, type));
  return (
    typed &&
    (schema.enum === undefined || schema.enum.some((other) => isSame(other, value))) &&
    (!("const" in schema) || isSame(schema.const, value))
  );
}

/** Costs no more than the schema's side, however large the answer's is. */
function isSame(wanted: unknown, value: unknown): boolean {
  if (Array.isArray(wanted) || Array.isArray(value)) {
    return (
      Array.isArray(wanted) &&
      Array.isArray(value) &&
      wanted.length === value.length &&
      wanted.every((item, index) => isSame(item, value[index]))
    );
  }
  if (!isObject(wanted) || !isObject(value)) {
    return wanted === value;
  }
  const names = Object.keys(wanted);
  return (
    names.length === Object.keys(value).length &&
    names.every((name) => Object.hasOwn(value, name) && isSame(wanted[name], value[name]))
  );
}

function fitsNumber(schema: SchemaObject, value: number): boolean {
  const exact = decimalFraction(String(value));
  const step = schema.multipleOf === undefined ? null : decimalFraction(String(schema.multipleOf));
  return (
    value >= (schema.minimum ?? -Infinity) &&
    value <= (schema.maximum ?? Infinity) &&
    value > (schema.exclusiveMinimum ?? -Infinity) &&
    value < (schema.exclusiveMaximum ?? Infinity) &&
    (step === null || (exact !== null && divideFractions(exact, step)?.bottom === 1n))
  );
}

function fitsString(job: Job, schema: SchemaObject, value: string): boolean {
  const length = schema.minLength === undefined && schema.maxLength === undefined ? 0 : Array.from(value).length;
  if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity)) {
    return false;
  }
  if (schema.pattern === undefined) {
    return true;
  }
  // A pattern costs up to 500 states a character, so a long text uses up the steps of many schemas.
  job.steps += Math.ceil(value.length / 4);
  return job.steps <= maxSteps && (patternOf(job, schema.pattern)?.test(value) ?? false);
}

function patternOf(job: Job, source: string): Pattern | null {
  const known = job.patterns.get(source);
  if (known !== undefined) {
    return known;
  }
  const compiled = toPattern(source, "");
  const pattern = compiled.ok ? compiled.value : null;
  job.patterns.set(source, pattern);
  return pattern;
}

function fitsArray(job: Job, schema: SchemaObject, value: readonly unknown[]): boolean {
  const prefix = schema.prefixItems ?? [];
  const { items = true } = schema;
  return (
    value.length >= (schema.minItems ?? 0) &&
    value.length <= (schema.maxItems ?? Infinity) &&
    (schema.uniqueItems !== true || new Set(value.map(canonicalJson)).size === value.length) &&
    value.every((item, index) => apply(job, prefix[index] ?? items, item))
  );
}

function fitsObject(job: Job, schema: SchemaObject, value: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(value);
  const { properties = {}, additionalProperties = true } = schema;
  const schemaOf = (name: string): SchemaNode =>
    Object.hasOwn(properties, name) ? (properties[name] ?? true) : additionalProperties;
  return (
    names.length >= (schema.minProperties ?? 0) &&
    names.length <= (schema.maxProperties ?? Infinity) &&
    (schema.required ?? []).every((name) => Object.hasOwn(value, name)) &&
    names.every((name) => apply(job, schemaOf(name), value[name]))
  );
}

function fitsOthers(job: Job, schema: SchemaObject, value: unknown): boolean {
  const fits = (other: SchemaNode): boolean => apply(job, other, value);
  const referred = schema.$ref === undefined ? true : resolveRef(job.root, schema.$ref);
  const branch = schema.if === undefined ? true : fits(schema.if) ? schema.then : schema.else;
  return (
    referred !== null &&
    fits(referred) &&
    fits(branch ?? true) &&
    (schema.allOf ?? []).every(fits) &&
    (schema.anyOf === undefined || schema.anyOf.some(fits)) &&
    (schema.oneOf === undefined || schema.oneOf.filter(fits).length === 1) &&
    (schema.not === undefined || !fits(schema.not))
  );
}
