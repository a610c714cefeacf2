// An OpenAPI document of any version, JSON or YAML, as one of version 3.1. The library's own validator is not used: it
// compiles schemas to code, which a Worker may not run. What the document must have is checked here; references are
// left in place, to be followed within the document alone. Loaded when it is first needed.

import { upgrade } from "@scalar/openapi-parser";
import * as z from "zod";
import { err, ok, type Result } from "../../lib/result.ts";

export const OpenApiDocument = z.looseObject({
  info: z.looseObject({ title: z.string().catch("API"), version: z.coerce.string().catch("") }),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
});
export type OpenApiDocument = z.infer<typeof OpenApiDocument>;

export function parseDocument(text: string): Result<OpenApiDocument, string> {
  try {
    const parsed = OpenApiDocument.safeParse(upgrade(text).specification);
    return parsed.success ? ok(parsed.data) : err("there is no OpenAPI document");
  } catch {
    return err("the document is neither JSON nor YAML");
  }
}
