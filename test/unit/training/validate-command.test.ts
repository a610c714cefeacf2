// `npm run dataset:validate`: what it prints about a folder, and its exit code.

import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, it } from "vitest";
import { groupRows } from "../../support/dataset-rows.ts";
import { writeDataset } from "../../support/memory-dataset.ts";

const root = mkdtempSync(join(tmpdir(), "agentflow-validate-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const script = resolve(import.meta.dirname, "../../../scripts/run.mjs");

async function makeFolder(name: string): Promise<string> {
  const rows = groupRows([
    { reward: 1, turns: 2 },
    { reward: 0, turns: 1 },
  ]);
  const folder = join(root, name);
  mkdirSync(folder);
  for (const [path, bytes] of (await writeDataset([[rows]])).files) {
    writeFileSync(join(folder, path), bytes);
  }
  return folder;
}

function validate(...folders: string[]): Promise<{ code: unknown; output: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [script, "validate-dataset", ...folders], (error, stdout, stderr) => {
      done({ code: error?.code ?? 0, output: stdout + stderr });
    });
  });
}

it("says that a folder is sound", async () => {
  const folder = await makeFolder("sound");
  expect(await validate(folder)).toEqual({ code: 0, output: `${folder}: sound\n` });
});

it("names rule and file of each finding, and ends with 1 whichever folder is broken", async () => {
  const [sound, broken] = [await makeFolder("first"), await makeFolder("second")];
  rmSync(join(broken, "rollouts-00000.parquet"));
  writeFileSync(join(broken, "README.md"), "another card");
  const { code, output } = await validate(broken, sound);
  expect(code).toBe(1);
  expect(output).toContain(`${broken}: REJECTED, 2 findings\n  rule_6  rollouts-00000.parquet: the file is missing\n`);
  expect(output).toContain("  rule_6  README.md: 12 bytes, and the manifest says ");
  expect(output).toContain(`${sound}: sound\n`);
});

it("rejects a folder without a manifest, and a folder that is not there", async () => {
  const { code, output } = await validate(join(root, "nowhere"));
  expect(code).toBe(1);
  expect(output).toContain("manifest  manifest.json: there is none");
});

it("ends with 2 where it was not told what to look at", async () => {
  expect(await validate()).toMatchObject({ code: 2 });
});
