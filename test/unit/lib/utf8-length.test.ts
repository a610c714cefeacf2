import * as fc from "fast-check";
import { expect, it } from "vitest";
import { utf8Length } from "../../../src/lib/utf8-length.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).byteLength;

it("counts what an encoder would write, halves of surrogate pairs included", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => utf8Length(text) === bytesOf(text)));
  const units = fc
    .array(fc.constantFrom("a", "é", "€", "\uD83D", "\uDE00", "\uDBFF", "\uDFFF"))
    .map((all) => all.join(""));
  fc.assert(fc.property(units, (text) => utf8Length(text) === bytesOf(text)));
  expect(utf8Length("né 😀")).toBe(8);
});
