// Tool names as people and models write them: case, spaces, underscores and hyphens do not count.

export function canonicalToolName(name: string): string {
  return name.toLowerCase().replaceAll(/[\s_-]+/g, "");
}

/** The tool that a name means; null where none matches. */
export function findTool<T extends { readonly name: string }>(name: string, tools: readonly T[]): T | null {
  const wanted = canonicalToolName(name);
  return tools.find((tool) => canonicalToolName(tool.name) === wanted) ?? null;
}
