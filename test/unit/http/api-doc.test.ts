import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { problemTypes } from "../../../src/http/problem.ts";
import { allRoutes } from "../../../src/http/routes/all-routes.ts";
import { SolveRequest } from "../../../src/http/wire.ts";

const text = readFileSync(resolve(import.meta.dirname, "../../../docs/api.md"), "utf8");
const rows = text.split("\n").filter((line) => line.startsWith("|"));

describe("docs/api.md", () => {
  test.each(Object.entries(problemTypes))("lists the error %s with its status", (code, { status }) => {
    expect(rows.filter((row) => row.startsWith(`| ${status} |`) && row.includes(`\`${code}\``))).toHaveLength(1);
  });

  test.each(allRoutes.map((route) => [route.method.toUpperCase(), route.path] as const))(
    "names %s %s",
    (method, path) => {
      expect(text).toMatch(new RegExp(`${method} [^|]*${path.replaceAll(/[{}]/g, "\\$&")}`));
    },
  );

  test.each(Object.keys(SolveRequest.shape))("explains the field %s of a request", (field) => {
    expect(rows.filter((row) => row.includes(`\`${field}\``)).length).toBeGreaterThan(0);
  });
});
