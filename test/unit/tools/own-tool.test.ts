// docs/tools.md shows how to add a tool in one file. This test writes that file as it stands there and gives its tool to
// a run and to a single call.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import * as z from "zod";
import { isByDefault, toCatalogueTool } from "../../../src/http/tool-catalogue.ts";
import type { Tool } from "../../../src/tools/tool.ts";
import { docBlocks } from "../../support/doc-blocks.ts";
import { eventsOf, oneTurn, plan, play } from "../agent/support.ts";
import { callTool } from "./support.ts";

// Within the project, so that packages are found, and where neither git nor a checker looks.
const scratch = join(import.meta.dirname, "../../../.wrangler");
mkdirSync(scratch, { recursive: true });
const folder = mkdtempSync(join(scratch, "own-tool-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function readOwnTools(): Promise<readonly Tool[]> {
  const [block] = docBlocks("tools.md").filter(({ language }) => language === "ts");
  const file = join(folder, "own-tools.ts");
  writeFileSync(
    file,
    (block?.text ?? "").replaceAll('"../lib/', '"../../src/lib/').replaceAll('"./', '"../../src/tools/'),
  );
  const loaded: unknown = await import(/* @vite-ignore */ file);
  const isTool = (value: unknown): value is Tool => typeof value === "object" && value !== null && "run" in value;
  return z.object({ ownTools: z.array(z.custom<Tool>(isTool)) }).parse(loaded).ownTools;
}

test("the page's tool is in the catalogue and does its work in a run", async () => {
  const tools = await readOwnTools();
  const shown = tools.map(toCatalogueTool);
  expect(shown).toMatchObject([{ name: "word_count", availability: { state: "ready" }, repeat: "safe" }]);
  expect(shown.map((tool) => isByDefault(tool, "hosted"))).toEqual([true]);
  expect(await callTool(tools, "word_count", { text: "one two  three" })).toMatchObject({
    ok: true,
    value: { result: { words: 3 } },
  });
  const { events } = await play({
    script: oneTurn({
      planner: [plan({ tool_name: "word count" })],
      executor: [{ value: { analysis: "one call", calls: [{ arguments: { text: "a b" } }] } }],
    }),
    tools,
  });
  expect(eventsOf(events, "tool.completed")).toMatchObject([{ tool: "word_count", result: { words: 2 } }]);
});
