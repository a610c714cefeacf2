// The block-list: which questions and hosts are kept from a run, and what its log says about it.

import { describe, expect, test } from "vitest";
import { readBlocklist } from "../../../src/tools/web-service/blocklist.ts";

const question = "Who was president in the year that Citibank was founded?";
const list = readBlocklist({
  BLOCKED_HOSTS: " huggingface.co, *.leaks.example. ,",
  BLOCKED_QUERIES: JSON.stringify([question, "Ab c"]),
});

describe("hosts", () => {
  test.each([
    ["https://huggingface.co/datasets", true],
    ["https://cdn.huggingface.co/x", true],
    ["http://LEAKS.example:8080/", true],
    ["https://leaks.example./", true],
    ["https://nothuggingface.co/", false],
    ["https://example.com/?u=huggingface.co", false],
    ["no address", false],
  ])("%s: %s", (url, isBlocked) => {
    expect(list.isBlockedUrl(url)).toBe(isBlocked);
  });
});

describe("questions", () => {
  test.each([
    [question, true],
    ["who was PRESIDENT, in the year that citibank was founded", true],
    [`answer to "${question}" dataset`, true],
    ["ab c", true],
    ["cab c", false],
    ["Who was president when Citibank was founded?", false],
  ])("%s: %s", (query, isBlocked) => {
    expect(list.isBlockedQuery(query)).toBe(isBlocked);
  });

  test("a text that quotes one is seen, short ones are not looked for in texts", () => {
    expect(list.quotesBlockedQuery(`1. ${question.toUpperCase()}  Answer: James Madison`)).toBe(true);
    expect(list.quotesBlockedQuery("ab c")).toBe(false);
  });

  test("may stand one a line; a list that is none is no empty list", () => {
    expect(readBlocklist({ BLOCKED_QUERIES: "first question\nsecond" }).isBlockedQuery("Second!")).toBe(true);
    expect(() => readBlocklist({ BLOCKED_QUERIES: "[oops" })).toThrow("BLOCKED_QUERIES");
  });
});

test("a run's log names the hosts and counts the questions", () => {
  expect(list.note).toEqual({ hosts: ["huggingface.co", "leaks.example"], queries: 2 });
  expect(readBlocklist({}).note).toBeNull();
});
