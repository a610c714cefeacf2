import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import { afterAll, beforeAll, expect, it } from "vitest";
import { asShown, docBlocks, outputsOf, toScript } from "../support/doc-blocks.ts";
import { type Server, startServer, temporaryDir } from "../support/server.ts";

const root = resolve(import.meta.dirname, "../..");
const folder = temporaryDir();
let server: Server;

beforeAll(async () => {
  server = await startServer({ stateDir: folder.path, env: { INFERENCE_BASE_URL: "offline" } });
});

afterAll(async () => {
  await server.stop();
  folder.remove();
});

const Policies = z.object({ data: z.array(z.object({ version: z.string(), datasets: z.array(z.string()) })) });

/** The page's commands that need nothing but curl, in order; those of the Python package run in its own lane. */
it("docs/training.md goes from tasks to an active planner as it says", async () => {
  const blocks = docBlocks("training.md");
  const commands = blocks.filter(({ language, text }) => language === "sh" && !text.includes("agentflow-data"));
  const script = toScript(commands.map(({ text }) => text))
    .replaceAll("http://127.0.0.1:8787", server.url)
    // A reader stands in the repository; a test leaves nothing there.
    .replaceAll("lesson-2.json", `${folder.path}/lesson-2.json`);
  const run = promisify(execFile)("sh", ["-e", "-c", script], { cwd: root, timeout: 500_000, maxBuffer: 2 ** 26 });
  const outputs = outputsOf((await run).stdout);
  const shown = blocks.flatMap(({ language, text }): unknown[] => (language === "json" ? [JSON.parse(text)] : []));
  const [batch, groups, exported, , views, , registered] = outputs;

  expect(asShown(JSON.parse(batch ?? ""), shown[0])).toEqual(shown[0]);
  expect(asShown(JSON.parse(groups ?? ""), shown[1])).toEqual(shown[1]);
  expect(asShown(JSON.parse(exported ?? ""), shown[2])).toEqual(shown[2]);
  const lines = (views ?? "").split("\n").map((line): unknown => JSON.parse(line));
  const members = lines.map((line) => Object.keys(z.record(z.string(), z.unknown()).parse(line)));
  for (const member of ["pass_rate", "rollout_log_probs", "old_log_probs", "rollout_id"]) {
    expect(members.filter((names) => names.includes(member)).length).toBeGreaterThan(0);
  }
  // Registered, then activated.
  const replies = (registered ?? "").replace("}{", "}\n{").split("\n");
  expect(asShown(JSON.parse(replies.at(-1) ?? ""), shown[3])).toEqual(shown[3]);

  const policies = Policies.parse(await (await fetch(`${server.url}/v1/policies`)).json());
  const [trained] = policies.data;
  expect(trained?.version).toBe("lesson-2");
  expect(trained?.datasets).toEqual([expect.stringMatching(/^ds_/)]);
});
