// The mock is a tool of other tests, so its own promises are tested: the roles' default replies, scripts by call,
// its own process, and a thousand calls at once.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { analysisReply, commandReply, planReply, verdictReply } from "../../../src/engines/module-replies.ts";
import { Role } from "../../../src/engines/engine.ts";
import { type MockOpenAi, startMockOpenAi } from "../../support/mock-openai.ts";
import { engineOn, never, planning, planSchema, request, verdictSchema } from "./support.ts";

let mock: MockOpenAi;
beforeAll(async () => {
  mock = await startMockOpenAi();
});
afterEach(() => mock.reset());
afterAll(() => mock.close());

async function textOf(url: string, asked: Parameters<typeof request>[0]): Promise<string> {
  const result = await engineOn(url).chat(request(asked), never);
  return result.ok ? result.value.text : result.error.code;
}

test("it lists its models as vLLM does", async () => {
  const response = await fetch(`${mock.url}/models`);
  expect(await response.json()).toMatchObject({ object: "list", data: [{ id: "mock-model", object: "model" }] });
});

test("every role has a reply of its shape", async () => {
  const replies = await Promise.all(Role.options.map((role) => textOf(mock.url, { role, turn: 1 })));
  const fields = replies.map((text) => (text.startsWith("{") ? Object.keys(JSON.parse(text)) : "text"));
  expect(Object.fromEntries(Role.options.map((role, index) => [role, fields[index]]))).toEqual({
    analyzer: ["summary", "required_skills", "relevant_tools", "considerations"],
    planner: ["justification", "context", "sub_goal", "tool_name"],
    executor: ["analysis", "calls"],
    verifier: ["analysis", "conclusion"],
    generator: "text",
    judge: ["analysis", "correct", "verdict", "score"],
    tool: "text",
  });
});

test("the modules of the agent can read what their role answers", async () => {
  const schemas = { analyzer: analysisReply, planner: planReply, executor: commandReply({}), verifier: verdictReply };
  for (const [name, schema] of Object.entries(schemas)) {
    const role = Role.parse(name);
    const result = await engineOn(mock.url).chat(request({ role, turn: 1, schema }), never);
    expect(result).toMatchObject({ ok: true, value: { parsed: { how: "strict" } } });
  }
});

test("the planner takes a tool it was offered, the executor fills the arguments it was shown", async () => {
  const offer = (content: string) => ({ messages: [{ role: "user" as const, content }] });
  expect(await textOf(mock.url, { role: "planner", ...offer("Tools: python_coder") })).toContain('"python_coder"');
  const schema = '{"properties": {"code": {"type": "string"}}}';
  expect(await textOf(mock.url, { role: "executor", ...offer(schema) })).toContain('"code":"print(6 * 7)"');
  expect(await textOf(mock.url, { role: "executor" })).toContain('"query"');
});

test("the verifier stops at the turn it was told", async () => {
  mock.set({ stopAtTurn: 3 });
  const conclusions = await Promise.all(
    [1, 2, 3].map(async (turn) => {
      const result = await engineOn(mock.url).chat(request({ role: "verifier", turn, schema: verdictSchema }), never);
      return result.ok && result.value.parsed?.how === "strict" ? result.value.parsed.value : null;
    }),
  );
  expect(conclusions).toMatchObject([{ conclusion: "continue" }, { conclusion: "continue" }, { conclusion: "stop" }]);
});

test("a list answers call by call and then gives way; a function sees the request", async () => {
  mock.on("tool", ["first", { text: "second" }, { fault: "server_error" }]);
  const said = [];
  for (let call = 0; call < 4; call += 1) {
    said.push(await textOf(mock.url, { role: "tool" }));
  }
  expect(said).toEqual(["first", "second", "server_error", "The tool's model says: 42."]);
  mock.on("*", (seen, n) => `${seen.role} ${seen.run} ${n}`);
  expect(await textOf(mock.url, { role: "judge", runId: "run_9" })).toBe("judge run_9 1");
});

test("spoilt replies are spoilt the way they say", async () => {
  const parse = async (fault: "prose" | "truncated_json" | "wrong_tool") => {
    mock.on("planner", { fault });
    const result = await engineOn(mock.url).chat(planning(), never);
    return result.ok ? result.value.parsed : null;
  };
  expect(await parse("prose")).toMatchObject({ how: "none" });
  expect(await parse("truncated_json")).toMatchObject({ how: "none", error: /cut off/u });
  expect(await parse("wrong_tool")).toMatchObject({ how: "strict", value: { tool_name: "crystal_ball" } });
  expect(planSchema.parse.safeParse({ tool_name: "crystal_ball" }).success).toBe(false);
});

test("a thousand calls at once are all answered", { timeout: 60_000 }, async () => {
  mock.set({ latencyMs: 200 });
  const engine = engineOn(mock.url, { timeoutMs: 50_000 });
  const calls = Array.from({ length: 1_000 }, (_, index) => engine.chat(planning({ runId: `run_${index}` }), never));
  const results = await Promise.all(calls);
  expect(results.filter((result) => result.ok && result.value.tokens !== null)).toHaveLength(1_000);
  expect(new Set(mock.requests.map((seen) => seen.run)).size).toBe(1_000);
});

const script = join(import.meta.dirname, "../../support/mock-openai.ts");

async function startProcess(...args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [script, "--port", "0", ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  return { child, url: String(line).replace("mock listening on ", "").trim() };
}

test("as its own process it takes a script from a file, and another over HTTP, and shows what it saw", async () => {
  const folder = await mkdtemp(join(tmpdir(), "mock-"));
  const file = join(folder, "script.json");
  await writeFile(
    file,
    JSON.stringify({ generator: ["from the file"], tool: { fault: "rate_limited", retryAfter: 3 } }),
  );
  const { child, url } = await startProcess("--script", file, "--turns", "2", "--refuse", "seed,stream");
  try {
    expect(await textOf(url, {})).toBe("from the file");
    expect(await textOf(url, { role: "tool" })).toBe("rate_limited");
    expect(await textOf(url, { role: "verifier", turn: 1 })).toContain("continue");
    const root = url.replace("/v1", "");
    await fetch(`${root}/script`, { method: "POST", body: JSON.stringify({ generator: "from HTTP" }) });
    expect(await textOf(url, {})).toBe("from HTTP");
    const seen = await fetch(`${root}/requests`);
    // Each of the four calls asked for a stream once more than it got one.
    expect(await seen.json()).toMatchObject({ total: 8 });
  } finally {
    const exited = once(child, "exit");
    child.kill();
    await exited;
    await rm(folder, { recursive: true });
  }
});
