// Half a surrogate pair in a request's JSON is found wherever it stands; whole pairs and mere looks are let pass.

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refuseHalfPairs } from "../../../src/http/half-pairs.ts";
import { parseLine } from "../../../src/http/ndjson.ts";
import { HttpError } from "../../../src/http/problem.ts";

function fieldOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return error instanceof HttpError ? (error.errors[0]?.field ?? "no field") : "a bug";
  }
}

const refused = (text: string) => fieldOf(() => refuseHalfPairs(text, JSON.parse(text)));
const lineOf = (text: string) => ({ number: 7, bytes: new TextEncoder().encode(text) });

describe("half a surrogate pair", () => {
  it.each([
    [String.raw`"\ud800"`, "$"],
    [String.raw`{"a":{"b":["x","\uDFFFx"]}}`, "a.b[1]"],
    [String.raw`{"a":1,"metadata":{"k\udc00":"v"}}`, "metadata.k\ufffd"],
    [String.raw`[[],[{"x":"\ud83d\ud83d\ude00"}]]`, "[1][0].x"],
  ])("in %s is refused by its field", (text, field) => {
    expect(refused(text)).toBe(field);
  });

  it.each([String.raw`"\ud83d\ude00"`, String.raw`"\\ud800"`, '"😀"', "null", "1"])("is not found in %s", (text) => {
    expect(refused(text)).toBeNull();
  });

  it("is found in any JSON that has one, and in no other", () => {
    const name = fc.constantFrom("a", "\ud800", "😀");
    const json = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.constantFrom("", "x\udc00", "😀", 1, null),
        fc.array(tie("value")),
        fc.dictionary(name, tie("value")),
      ),
    })).value;
    fc.assert(
      fc.property(json, (value) => {
        // Whole pairs are written as they are.
        const text = JSON.stringify(value);
        expect(refused(text) !== null).toBe(/\\ud[89a-f]/.test(text));
      }),
    );
  });

  it("in a line is refused with the line's number, and so is a line nested too deeply", () => {
    expect(fieldOf(() => parseLine(lineOf(String.raw`{"query":"\ud800"}`)))).toBe("line 7: query");
    expect(fieldOf(() => parseLine(lineOf("[".repeat(9000) + "]".repeat(9000))))).toBe("line 7");
    expect(parseLine(lineOf('{"query":"😀"}'))).toEqual({ query: "😀" });
  });
});
