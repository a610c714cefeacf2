// Where a state that is thrown away goes: into memory where there is plenty, and never against the user's choice.

import { existsSync, rmSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { makeScratchFolder, type Machine, scratchRoot } from "../../../scripts/lib/scratch-folder.ts";

const gigabyte = 1024 ** 3;
const roomy: Machine = {
  chosen: undefined,
  memoryFolderBytes: 8 * gigabyte,
  availableMemoryBytes: 8 * gigabyte,
};

test.each([
  ["there is room", {}, "memory"],
  ["TMPDIR is set", { chosen: "/somewhere" }, "temporary"],
  ["there is no folder in memory", { memoryFolderBytes: null }, "temporary"],
  ["it is a container's 64 MB", { memoryFolderBytes: 64 * 1024 ** 2 }, "temporary"],
  ["memory is short", { availableMemoryBytes: 6 * gigabyte }, "temporary"],
] as const)("where %s", (_case, change, where) => {
  expect(scratchRoot(5 * gigabyte, { ...roomy, ...change })).toBe(where);
});

test("the folder is made", () => {
  const folder = makeScratchFolder("agentflow-scratch-test-", 1024);
  expect(statSync(folder).isDirectory()).toBe(true);
  rmSync(folder, { recursive: true });
  expect(existsSync(folder)).toBe(false);
});
