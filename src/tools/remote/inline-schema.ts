// A JSON Schema without references, so that it can stand inside another one. Only references within the document are
// followed; one that contains itself, or that leads nowhere or too deep, becomes the schema that takes anything.

/** Documents of real APIs stay far below; beyond it the rest takes anything. */
const maxNodes = 4_000;
const maxDepth = 24;

/** Notes that no model needs, and what only means something in the document that was left. */
const dropped = new Set(["$schema", "$id", "$anchor", "$comment", "$defs", "definitions"]);
const droppedNotes = new Set(["example", "examples", "xml", "externalDocs", "discriminator", "deprecated"]);
/** Members whose names belong to the caller, not to JSON Schema. */
const containers = new Set(["properties", "patternProperties", "dependentSchemas"]);
/** Members that are values, not schemas. */
const values = new Set(["enum", "const", "default", "required"]);

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function inlineSchema(schema: unknown, root: unknown): unknown {
  return inline({ root, nodes: 0 }, schema, []);
}

interface Job {
  readonly root: unknown;
  nodes: number;
}

/** `trail`: the references that led here; its length and the nesting together bound the depth. */
function inline(job: Job, node: unknown, trail: readonly string[], depth = 0): unknown {
  job.nodes += 1;
  if (job.nodes > maxNodes || depth > maxDepth) {
    return {};
  }
  if (Array.isArray(node)) {
    return node.map((item) => inline(job, item, trail, depth + 1));
  }
  if (!isRecord(node)) {
    return node;
  }
  const { $ref: ref, ...own } = node;
  if (typeof ref !== "string") {
    return inlineMembers(job, node, trail, depth);
  }
  const target = trail.includes(ref) ? undefined : resolvePointer(job.root, ref);
  const referred = target === undefined ? {} : inline(job, target, [...trail, ref], depth + 1);
  const beside = inlineMembers(job, own, trail, depth);
  return isRecord(referred) ? { ...referred, ...beside } : referred;
}

function inlineMembers(job: Job, node: Readonly<Record<string, unknown>>, trail: readonly string[], depth: number) {
  return Object.fromEntries(
    Object.entries(node).flatMap(([name, member]): [string, unknown][] => {
      if (dropped.has(name) || droppedNotes.has(name) || name.startsWith("x-") || name === "__proto__") {
        return [];
      }
      if (values.has(name)) {
        return [[name, member]];
      }
      return [
        [name, containers.has(name) ? inlineNamed(job, member, trail, depth) : inline(job, member, trail, depth + 1)],
      ];
    }),
  );
}

function inlineNamed(job: Job, named: unknown, trail: readonly string[], depth: number): unknown {
  return isRecord(named)
    ? Object.fromEntries(
        Object.entries(named)
          .filter(([name]) => name !== "__proto__")
          .map(([name, member]) => [name, inline(job, member, trail, depth + 1)]),
      )
    : {};
}

/** What `#/components/schemas/Pet` leads to within the document; undefined where that is nothing. */
export function resolvePointer(root: unknown, ref: string): unknown {
  if (ref === "#") {
    return root;
  }
  if (!ref.startsWith("#/")) {
    return undefined;
  }
  let value: unknown = root;
  for (const part of ref.slice(2).split("/")) {
    const name = decodePart(part).replaceAll("~1", "/").replaceAll("~0", "~");
    value = memberOf(value, name);
  }
  return value;
}

function memberOf(value: unknown, name: string): unknown {
  if (Array.isArray(value)) {
    return /^\d{1,9}$/.test(name) ? value[Number(name)] : undefined;
  }
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
