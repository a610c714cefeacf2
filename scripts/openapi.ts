// Writes docs/openapi.json from the route objects; with `--check` it only says whether the file is up to date.

import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as z from "zod";
import { createOpenApiDocument } from "../src/http/openapi.ts";

const root = resolve(import.meta.dirname, "..");
const file = join(root, "docs/openapi.json");

const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
const text = `${JSON.stringify(createOpenApiDocument(version), null, 2)}\n`;

function existing(): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

if (!process.argv.includes("--check")) {
  writeFileSync(file, text);
  console.log(`docs/openapi.json: ${text.length} characters`);
} else if (existing() !== text) {
  console.error("docs/openapi.json is not what the routes say: run npm run openapi.");
  process.exitCode = 1;
}
