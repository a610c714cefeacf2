// Whether a value from outside can stand in the log: its JSON text, or null where it has none. A cycle, a bigint or a
// nesting that overflows the stack would otherwise break the loop at the append, and every loop after it.

/** Far beyond what tools return, far below what the stack of `JSON.stringify` bears. */
const maxDepth = 200;

export function toJsonText(value: unknown): string | null {
  if (!isShallow(value, maxDepth)) {
    return null;
  }
  try {
    return JSON.stringify(value) ?? null;
  } catch {
    return null;
  }
}

function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) {
    return true;
  }
  return depth > 0 && Object.values(value).every((item) => isShallow(item, depth - 1));
}
