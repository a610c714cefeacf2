// The configurations and the script that docs/engines.md shows are read by the code they are for.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readEndpoint } from "../../../src/engines/endpoints.ts";
import { Role } from "../../../src/engines/engine.ts";
import { startMockOpenAi } from "../../support/mock-openai.ts";
import { engineOn, never, planning } from "./support.ts";

const page = await readFile(join(import.meta.dirname, "../../../docs/engines.md"), "utf8");

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`\`\`\`${language}\\n([^\`]*)\`\`\``, "gu"))].map((match) => match[1] ?? "");
}

const configs = blocks("ini").map((block) =>
  Object.fromEntries(
    block
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(/=(.*)/u).slice(0, 2)),
  ),
);

test("every configuration gives every role an endpoint", () => {
  expect(configs).toHaveLength(3);
  for (const config of configs) {
    expect(Role.options.map((role) => readEndpoint(config, role).kind)).toEqual(Role.options.map(() => "hosted"));
  }
});

test("the trained planner is called without the common key, as the page says", () => {
  expect(readEndpoint(configs[2] ?? {}, "planner")).toEqual({
    kind: "hosted",
    endpoint: { baseUrl: "http://10.0.0.5:8000/v1", model: "planner-step-40", apiKey: null, logprobsMode: "processed" },
  });
  expect(readEndpoint(configs[2] ?? {}, "verifier")).toMatchObject({ endpoint: { apiKey: "sk-example" } });
});

test("the script does what it says", async () => {
  const mock = await startMockOpenAi({ script: JSON.parse(blocks("json")[0] ?? "") });
  const engine = engineOn(mock.url);
  expect(await engine.chat(planning(), never)).toMatchObject({ error: { code: "rate_limited", retryAfterMs: 1_000 } });
  expect(await engine.chat(planning(), never)).toMatchObject({ value: { parsed: { how: "none" } } });
  expect(await engine.chat(planning(), never)).toMatchObject({ value: { parsed: { how: "strict" } } });
  expect(await engine.chat({ ...planning(), role: "generator" }, never)).toMatchObject({ value: { text: "42" } });
  await mock.close();
});
