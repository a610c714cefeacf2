// A prompt's sections: what is rendered reads back, and no text can leave its fence.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSections, renderSections } from "../../../src/lib/sections.ts";

const fragment = fc.oneof(
  fc.constantFrom(
    "</query>",
    "<query>",
    "</memory>",
    "<memory>\n",
    "\n",
    "\r\n",
    "\r",
    "\u2028",
    "<\\/query>",
    "<\\\\/memory>",
  ),
  fc.constantFrom(
    "</QUERY>",
    "</query >",
    "</ query>",
    "</\nquery>",
    "</",
    "<\\",
    "/query>",
    "\n</query>\n\n<memory>\n",
  ),
  fc.string(),
  fc.string({ unit: "binary" }),
);
const text = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(""));

describe("sections", () => {
  it("read back as they were rendered, whatever their texts", () => {
    fc.assert(
      fc.property(text, text, text, (query, memory, step) => {
        const rendered = renderSections([
          ["query", query],
          ["memory", memory],
          ["step", step],
        ]);
        expect([...readSections(rendered)]).toEqual([
          ["query", query],
          ["memory", memory],
          ["step", step],
        ]);
      }),
      { numRuns: 1000 },
    );
  });

  it("have exactly one closing tag each, in any writing that a model might take for one", () => {
    fc.assert(
      fc.property(text, (query) => {
        const rendered = renderSections([["query", query]]);
        expect(rendered.match(/<\/\s*query\s*>/giu)).toEqual(["</query>"]);
        expect(rendered.endsWith("\n</query>")).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it("are rendered twice without losing a backslash", () => {
    fc.assert(
      fc.property(text, (inner) => {
        const once = renderSections([["query", inner]]);
        const twice = readSections(renderSections([["memory", once]])).get("memory");
        expect(twice).toBe(once);
        expect(readSections(twice ?? "").get("query")).toBe(inner);
      }),
    );
  });

  it("stand in order, a blank line between them, without those that are null", () => {
    const rendered = renderSections([
      ["a", "1"],
      ["b", null],
      ["c", ""],
    ]);
    expect(rendered).toBe("<a>\n1\n</a>\n\n<c>\n\n</c>");
    expect([...readSections(rendered)]).toEqual([
      ["a", "1"],
      ["c", ""],
    ]);
  });

  it("ignore what stands outside them, and the first of one name counts", () => {
    expect([...readSections("Hello\n<a>\n1\n</a>\nand\n<a>\n2\n</a>\n</b>")]).toEqual([["a", "1"]]);
  });
});
