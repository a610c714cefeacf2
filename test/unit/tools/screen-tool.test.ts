// The block-list before tools of connected servers: what is asked, what comes back, and what is kept.

import { expect, test } from "vitest";
import { err, ok } from "../../../src/lib/result.ts";
import { screenTool } from "../../../src/tools/remote/screen-tool.ts";
import type { Tool } from "../../../src/tools/tool.ts";
import { readBlocklist } from "../../../src/tools/web-service/blocklist.ts";
import { searcher } from "../agent/support.ts";
import { type Outcome, toolContext } from "./support.ts";

const question = "In which year did the Kestrel Bridge open?";
const blocklist = readBlocklist({ BLOCKED_HOSTS: "leaks.example.org", BLOCKED_QUERIES: JSON.stringify([question]) });

async function run(args: unknown, outcome: Outcome = ok({ result: "fine", producedBy: "stock 1" }), list = blocklist) {
  const seen: unknown[] = [];
  const tool: Tool = searcher({
    name: "stock__search",
    run(given) {
      seen.push(given);
      return Promise.resolve(outcome);
    },
  });
  const screened = await screenTool(tool, list).run(args, toolContext());
  return { made: seen.length, outcome: screened };
}

test.each([
  [{ q: question }, "query_blocked"],
  [{ filter: [{ text: `please find: ${question.toUpperCase()} thanks` }] }, "query_blocked"],
  [{ url: "https://cdn.leaks.example.org/answers" }, "host_blocked"],
  [{ text: "see (http://leaks.example.org/x) for it" }, "host_blocked"],
  [{ host: "leaks.example.org" }, "host_blocked"],
  [{ sites: { "leaks.example.org": true } }, "host_blocked"],
  [{ [question]: 1 }, "query_blocked"],
])("%j is refused before the server is asked: %s", async (args, code) => {
  expect(await run(args)).toMatchObject({ made: 0, outcome: { ok: false, error: { code } } });
});

test("what has nothing to do with the list goes through as it is", async () => {
  const result = { hits: [{ url: "https://county.example/bridge", n: 7, none: null }] };
  const { made, outcome } = await run({ q: "Kestrel Bridge" }, ok({ result, producedBy: "stock 1" }));
  expect({ made, outcome }).toEqual({ made: 1, outcome: ok({ result, producedBy: "stock 1" }) });
});

test("texts that quote a question or lead to a host are left out of a result, the others stay", async () => {
  const result = {
    hits: ["a", `1. ${question} 1931`, "https://leaks.example.org/a", { deep: "at https://leaks.example.org/b." }],
  };
  expect((await run({}, ok({ result, producedBy: "stock 1" }))).outcome).toEqual(
    ok({ result: { hits: ["a", "[blocked]", "[blocked]", { deep: "[blocked]" }] }, producedBy: "stock 1" }),
  );
  const failure = { code: "tool_error", detail: `${question} 1931`, producedBy: "stock 1", result: [question] };
  expect((await run({}, err(failure))).outcome).toEqual(
    err({ ...failure, detail: "[blocked]", result: ["[blocked]"] }),
  );
});

test("the names of a result's members are looked at, too", async () => {
  const result = { found: { [question]: 1931, "https://leaks.example.org/a": 1, n: 7 } };
  expect((await run({}, ok({ result, producedBy: "stock 1" }))).outcome).toEqual(
    ok({ result: { found: { "[blocked]": 1, n: 7 } }, producedBy: "stock 1" }),
  );
});

test("a result that is nested too deeply to be looked through is none", async () => {
  let deep: unknown = question;
  for (let level = 0; level < 200_000; level += 1) {
    deep = [deep];
  }
  expect((await run({}, ok({ result: deep, producedBy: "stock 1" }))).outcome).toMatchObject({
    error: { code: "bad_result" },
  });
});

test("results that were kept under another list are not used, and without one nothing is changed", () => {
  const tool = searcher({ version: "stock 1" });
  const other = readBlocklist({ BLOCKED_HOSTS: "elsewhere.example" });
  expect(screenTool(tool, blocklist).version).not.toBe(screenTool(tool, other).version);
  expect(screenTool(tool, blocklist).version).toBe(screenTool(tool, blocklist).version);
  expect(screenTool(tool, readBlocklist({}))).toBe(tool);
});
