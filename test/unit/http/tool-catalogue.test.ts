// Which tools a run gets: all that are ready, the offline planner's own two, or those that were asked for.

import { expect, test } from "vitest";
import { isByDefault, resolveTools, toCatalogueTool } from "../../../src/http/tool-catalogue.ts";
import type { PlannerKind } from "../../../src/policies/planner-kind.ts";
import { webTools } from "../tools/support.ts";
import { coder } from "../agent/support.ts";

const entries = [coder({ name: "base_generator" }), coder(), ...webTools({})].map(toCatalogueTool);
const defaults = (planner: PlannerKind) =>
  entries.filter((tool) => isByDefault(tool, planner)).map((tool) => tool.name);

test("with the offline planner a run gets the two tools that it knows", () => {
  expect(defaults("offline")).toEqual(["base_generator", "python_coder"]);
});

test("with a hosted planner it gets every tool that is ready", () => {
  expect(defaults("hosted")).toEqual(["base_generator", "python_coder", "wikipedia_search", "web_read"]);
});

test("a tool that is ready may be asked for by name, one that is not is refused with what it needs", () => {
  expect(resolveTools(["Web Read"], entries)).toEqual(["web_read"]);
  expect(() => resolveTools(["web_read", "google_search"], entries)).toThrow(
    expect.objectContaining({
      errors: [
        {
          field: "tools[1]",
          code: "tool_not_configured",
          detail: "This deployment has no google_search: it needs GEMINI_API_KEY.",
        },
      ],
    }),
  );
});

test("the catalogue says what a tool needs", () => {
  expect(entries.find(({ name }) => name === "google_search")?.availability).toEqual({
    state: "needs",
    needs: ["GEMINI_API_KEY"],
  });
});
