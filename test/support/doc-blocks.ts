// The code blocks of a page of docs/, so that a test runs what a reader would type and compares what the page shows.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";

export interface DocBlock {
  readonly language: string;
  readonly text: string;
}

export function docBlocks(page: string): DocBlock[] {
  const text = readFileSync(join(import.meta.dirname, "../../docs", page), "utf8");
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)\n```$/gm)].map(([, language = "", block = ""]) => ({
    language,
    text: block,
  }));
}

/** Of `real`, only what `shown` has: a page leaves fields out. */
export function asShown(real: unknown, shown: unknown): unknown {
  if (Array.isArray(shown)) {
    const list = z.array(z.unknown()).parse(real);
    return list.map((item, index) => asShown(item, shown[index]));
  }
  if (typeof shown === "object" && shown !== null) {
    const object = z.record(z.string(), z.unknown()).parse(real);
    return Object.fromEntries(Object.entries(shown).map(([key, value]) => [key, asShown(object[key], value)]));
  }
  return real;
}

const mark = "== block";

/** One script of several blocks, so that a later one has the variables of an earlier one. */
export function toScript(blocks: readonly string[]): string {
  return blocks.map((block, index) => `echo '${mark} ${index}'\n${block}\necho`).join("\n");
}

/** What each block of `toScript` printed. */
export function outputsOf(printed: string): string[] {
  return printed
    .split(new RegExp(`^${mark} \\d+\\n`, "m"))
    .slice(1)
    .map((part) => part.trim());
}
