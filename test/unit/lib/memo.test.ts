// What is remembered is what would be computed, and no more of it than was asked for.

import { expect, test } from "vitest";
import { memo } from "../../../src/lib/memo.ts";

function counted(maxEntries: number) {
  const computed: string[] = [];
  const read = memo((key) => {
    computed.push(key);
    return { key };
  }, maxEntries);
  return { computed, read };
}

test("the same argument is computed once", () => {
  const { computed, read } = counted(2);
  expect(read("a")).toEqual({ key: "a" });
  expect(read("a")).toBe(read("a"));
  expect(computed).toEqual(["a"]);
});

test("an undefined value is a value", () => {
  let calls = 0;
  const read = memo(() => {
    calls += 1;
  }, 2);
  read("a");
  read("a");
  expect(calls).toBe(1);
});

test("beyond its bound it forgets what was used longest ago", () => {
  const { computed, read } = counted(2);
  for (const key of ["a", "b", "a", "c", "a", "b"]) {
    read(key);
  }
  expect(computed).toEqual(["a", "b", "c", "b"]);
});
