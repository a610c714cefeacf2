import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Server, startServer, temporaryDir } from "../support/server.ts";

const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
const folder = temporaryDir();
let server: Server;

beforeAll(async () => {
  server = await startServer({ stateDir: folder.path, env: { INFERENCE_BASE_URL: "offline" } });
});

afterAll(async () => {
  await server.stop();
  folder.remove();
});

/** The first block of a language after a sentence. */
function blockAfter(sentence: string, language: string): string {
  const after = readme.slice(readme.indexOf(sentence));
  const block = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\\n\`\`\``).exec(after)?.[1];
  if (!readme.includes(sentence) || block === undefined) {
    throw new Error(`README has no ${language} block after "${sentence}"`);
  }
  return block;
}

/** Runs a command of README as a reader would, against this test's server. */
async function run(command: string): Promise<string> {
  const here = command.replaceAll("http://127.0.0.1:8787", server.url);
  const { stdout } = await promisify(execFile)("sh", ["-c", here], { timeout: 120_000 });
  return stdout;
}

/** Of `real`, only what `shown` has: README leaves fields out and ends a text that it cuts with an ellipsis. */
function asShown(real: unknown, shown: unknown): unknown {
  if (typeof shown === "string" && shown.endsWith("…")) {
    return String(real).startsWith(shown.slice(0, -1)) ? shown : real;
  }
  if (Array.isArray(shown)) {
    const list = z.array(z.unknown()).parse(real);
    return list.map((item, index) => asShown(item, shown[index]));
  }
  if (typeof shown === "object" && shown !== null) {
    const object = z.record(z.string(), z.unknown()).parse(real);
    return Object.fromEntries(Object.entries(shown).map(([key, value]) => [key, asShown(object[key], value)]));
  }
  return real;
}

describe("README", () => {
  it("shows the run that its first curl gives", async () => {
    const real: unknown = JSON.parse(await run(blockAfter("Ask it something:", "sh")));
    const shown: unknown = JSON.parse(blockAfter("Ask it something:", "json"));
    expect(asShown(real, shown)).toEqual(shown);
  });

  it("shows the stream that its second curl gives", async () => {
    const real = await run(blockAfter("Watch the turns as they come:", "sh"));
    for (const message of blockAfter("Watch the turns as they come:", "text").split("\n\n")) {
      const [head, ...fragments] = message.split("\ndata: {");
      const found = real.split("\n\n").find((text) => text.startsWith(`${head ?? ""}\n`));
      for (const fragment of fragments.flatMap((text) => text.replace(/, …$/, "").split(/,(?=")/))) {
        expect(found).toContain(fragment);
      }
    }
  });
});
