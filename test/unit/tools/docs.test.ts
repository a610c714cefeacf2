// docs/tools.md names what the code knows: every variable, every tool's arguments, every code of a failure.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { webVariables } from "../../../src/tools/web-service/web-variables.ts";
import { webTools } from "./support.ts";

const root = join(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "docs/tools.md"), "utf8");
const folders = ["web-service", "web-read", "web-search", "google-search", "wikipedia-search", "reading"];
const sources = folders.flatMap((folder) =>
  readdirSync(join(root, "src/tools", folder)).map((file) =>
    readFileSync(join(root, "src/tools", folder, file), "utf8"),
  ),
);

test.each(webVariables)("%s is documented", (name) => {
  expect(page).toContain(name);
});

test("each tool stands in the table with its arguments", () => {
  for (const { name, parameters } of webTools({})) {
    const example = name === "web_read" ? { url: "u", query: "q" } : { query: "q" };
    expect(parameters.safeParse(example).success).toBe(true);
    expect(page).toContain(`| \`${name}\` | \`{${Object.keys(example).join(", ")}}\` |`);
  }
});

test("each code of a failure is in the table", () => {
  const codes = new Set(
    sources.flatMap((source) => [...source.matchAll(/code: "([a-z_]+)"/g)].map(([, code]) => code)),
  );
  expect(codes.size).toBeGreaterThan(9);
  for (const code of codes) {
    expect(page).toContain(`\`${code}\``);
  }
});
