import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryDir } from "../support/server.ts";
import { writeFixtures } from "./fixtures.ts";
import { python, runPython } from "./python.ts";

const tests = resolve(import.meta.dirname, "../../scripts/trainer-python/tests");
const folder = temporaryDir();

beforeAll(() => writeFixtures(folder.path));
afterAll(() => folder.remove());

describe("the Python package", () => {
  it.each(readdirSync(tests).filter((name) => /^test_.*\.py$/.test(name)))("keeps its own tests: %s", async (name) => {
    const output = await runPython(["-m", "unittest", "-v", name.replace(/\.py$/, "")], {
      cwd: tests,
      env: { AGENTFLOW_FIXTURES: folder.path, HF_HOME: join(folder.path, "hub"), HF_HUB_OFFLINE: "1" },
    });
    expect(output).toMatch(/Ran [1-9]\d* tests?/);
    expect(output).toMatch(/\nOK/);
  });

  it("imports neither torch nor datasets before they are asked for", () => {
    const program = "import sys, agentflow_data; print({'torch', 'datasets'} & set(sys.modules))";
    expect(execFileSync(python, ["-c", program], { encoding: "utf8" }).trim()).toBe("set()");
  });
});
