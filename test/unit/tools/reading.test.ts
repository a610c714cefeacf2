// What stands between bytes from outside and a passage: chunks, charsets, kinds of content, markup. Whatever the
// bytes are, nothing throws.

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkText } from "../../../src/tools/reading/chunk-text.ts";
import { contentKind } from "../../../src/tools/reading/content-kind.ts";
import { decodeText } from "../../../src/tools/reading/decode-text.ts";
import { readDocument } from "../../../src/tools/reading/read-document.ts";
import { stripMarkup, titleOf } from "../../../src/tools/reading/strip-markup.ts";

const bytes = (text: string) => Uint8Array.from(new TextEncoder().encode(text));

describe("chunks", () => {
  test("are 200 words with 20 of the one before, as in the paper's tool", () => {
    const words = Array.from({ length: 500 }, (_, index) => `w${index}`);
    const chunks = chunkText(words.join(" "));
    expect(chunks.map(({ text }) => [text.split(" ").length, text.split(" ")[0]])).toEqual([
      [200, "w0"],
      [200, "w180"],
      [140, "w360"],
    ]);
  });

  test("cover the text, keep their offsets and never split a character", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 4_000 }),
        fc.integer({ min: 1, max: 40 }),
        (piece, times) => {
          const text = piece.repeat(times);
          const chunks = chunkText(text);
          const covered = chunks.reduce(
            (end, chunk) => (text.slice(end, chunk.start).trim() === "" ? chunk.end : -1),
            0,
          );
          expect(text.slice(covered).trim()).toBe("");
          for (const chunk of chunks) {
            expect(text.slice(chunk.start, chunk.end)).toBe(chunk.text);
            expect(chunk.text.length).toBeLessThanOrEqual(1_621);
            expect(chunk.text.isWellFormed()).toBe(text.isWellFormed());
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test("of a text without blanks have a bound too", () => {
    const chunks = chunkText("東京タワーは".repeat(2_000));
    expect(chunks.length).toBeGreaterThan(5);
    expect(Math.max(...chunks.map(({ text }) => text.length))).toBeLessThanOrEqual(1_621);
  });

  test("of nothing are none", () => {
    expect(chunkText(" \n ")).toEqual([]);
  });
});

describe("charsets", () => {
  test.each<[string, string | null, number[], string]>([
    ["a mark wins over the header", "text/plain; charset=utf-8", [0xff, 0xfe, 0x41, 0x00], "utf-16le"],
    ["UTF-8 wins over a wrong Latin-1", "text/html; charset=latin1", [0xc3, 0xa9], "utf-8"],
    ["what is no UTF-8 is Windows-1252", "text/html; charset=utf-8", [0xe9, 0x20], "windows-1252"],
    ["an unknown name counts as none", "text/html; charset=klingon", [0xe9, 0x20], "windows-1252"],
    ["a declared charset is used", "text/plain; charset=koi8-r", [0xc4, 0xc5], "koi8-r"],
    ["nothing said and plain ASCII", null, [0x41], "utf-8"],
  ])("%s", (_, type, raw, charset) => {
    expect(decodeText(Uint8Array.from(raw), type).charset).toBe(charset);
  });

  test("a page cut within a character is still UTF-8", () => {
    expect(decodeText(bytes("Brücke é").subarray(0, 9), null).charset).toBe("utf-8");
  });
});

test.each<[string, string | null, string, string | null]>([
  ["a PDF by its signature", "text/html", "%PDF-1.4", "pdf"],
  ["HTML that says it is text", "text/plain", "<!DOCTYPE html><html>", "html"],
  ["HTML by its type", "text/html", "hello", "html"],
  ["JSON", "application/json", "{}", "text"],
  ["a picture that says it is HTML", "text/html", "\u0000\u0001", null],
  ["nothing at all", null, "", "text"],
])("%s", (_, type, text, kind) => {
  expect(contentKind(bytes(text), type)).toBe(kind);
});

describe("markup", () => {
  test.each([
    ["<p>one</p><p>two &amp; three&nbsp;&#233;&eacute;</p>", "one\ntwo & three éé"],
    ["a<script>x < y</script>b<style>p{}</style>c", "a b c"],
    ["<td>1</td><td>2</td><tr>3", "1 2\n3"],
    ["1 < 2 and <b>bold</b> <!-- hidden --> text", "1 < 2 and bold text"],
    ["open <script>never closed <p>gone</p>", "open"],
    ["cut in a <tag", "cut in a"],
    ["&unknown; &#xffffff; &#0;", "&unknown; \ufffd \ufffd"],
  ])("%s", (html, text) => {
    expect(stripMarkup(html)).toBe(text);
  });

  test("a title is found with its entities", () => {
    expect(titleOf("<head><TITLE lang=en> A &ndash; B\n</TITLE>")).toBe("A \u2013 B");
    expect(titleOf("<p>none</p>")).toBeNull();
  });

  test.each(["<", "<script", "<!--", "<div>", "</p", "&#", "<title>", "<a b='"])(
    "a hundred thousand times %s takes one pass",
    async (piece) => {
      const html = `<html>${piece.repeat(100_000)} needle`;
      const read = await readDocument(
        { bytes: bytes(html), contentType: "text/html", isTruncated: false },
        new AbortController().signal,
      );
      // Finished within the test's limit is what is tested; some of these leave no text.
      expect(read.ok ? "text" : read.error.code).toMatch(/^(text|empty_page)$/);
    },
  );
});

test("no bytes of any type make the reader throw", async () => {
  const head = fc.constantFrom("", "%PDF-1.5\n", "<html>", "<!doctype html><body><table>", "\ufeff");
  await fc.assert(
    fc.asyncProperty(head, fc.uint8Array({ maxLength: 2_000 }), fc.boolean(), async (start, tail, isTruncated) => {
      const whole = Uint8Array.from([...bytes(start), ...tail]);
      const source = { bytes: whole, contentType: "text/html", isTruncated };
      const read = await readDocument(source, new AbortController().signal);
      expect(typeof read.ok).toBe("boolean");
    }),
    { numRuns: 150 },
  );
});
